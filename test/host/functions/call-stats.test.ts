import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CALL_SECONDS, CallStats } from '../../../src/host/functions/call-stats.js';
import type { Endpoint } from '../../../src/host/functions/endpoints/endpoint.js';
import type { Reply } from '../../../src/host/functions/handler.js';
import { textOf } from '../../support/function-host.js';
import { mappedSession } from '../../support/mapped-session.js';

test('calls are counted by kind and end, those for data by the time they took', () => {
  const stats = new CallStats();
  assert.equal(stats.take(), null);
  stats.ended('open', 4, true);
  for (const ms of [0.05, 0.1, 0.2, 9999, 10_000, 10_001]) stats.ended('data', ms, true);
  stats.ended('data', 700, false);
  stats.ended('close', 1, false);
  const counts = stats.take();
  assert.deepEqual(counts?.done, { open: 1, data: 6, close: 0 });
  assert.deepEqual(counts?.failed, { open: 0, data: 1, close: 1 });
  const classes = Object.fromEntries(counts?.classes.map((count, i) => [CALL_SECONDS[i] ?? 'more', count]) ?? []);
  assert.deepEqual(classes, {
    ...Object.fromEntries([...CALL_SECONDS, 'more'].map((bound) => [bound, 0])),
    ...{ 0.0001: 2, 0.0005: 1, 1: 1, 10: 2, more: 1 },
  });
  assert.ok(Math.abs((counts?.seconds ?? 0) - 30.70035) < 1e-9);
  assert.equal(stats.take(), null, 'each is told once');
});

test('however a call ends it counts once, with the time until then', async () => {
  const ends: Record<string, () => Reply | Promise<Reply>> = {
    answers: () => undefined,
    resolves: async () => undefined,
    throws: () => {
      throw new Error('no');
    },
    rejects: async () => await Promise.reject(new Error('no')),
    hangs: () => new Promise(() => {}),
  };
  const endpoint: Endpoint = {
    url: null,
    open: () => {},
    data: ({ bytes }) => ends[textOf(bytes)](),
    close: () => {},
  };
  const { mapped, mapping } = mappedSession(endpoint, {}, 50);
  mapped.onOpen();
  for (const end of Object.keys(ends)) mapped.onDatagram(Buffer.from(end), 0, end.length);
  await new Promise((resolve) => setTimeout(resolve, 150));
  mapped.onClose({ code: 0, reason: '', by: 'peer', cause: null } as never);
  const counts = mapping.stats.take();
  assert.deepEqual(counts?.done, { open: 1, data: 2, close: 1 });
  assert.deepEqual(counts?.failed, { open: 0, data: 3, close: 0 });
  assert.ok((counts?.seconds ?? 0) >= 0.045, 'the one that hangs until nobody waits for it');
});

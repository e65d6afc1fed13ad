import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { SessionTable } from '../../src/core/session-table.js';
import type { Admissions } from '../../src/host/admissions.js';
import { DecisionRecord } from '../../src/host/decision-record.js';
import { FunctionTotals } from '../../src/host/function-totals.js';
import type { SessionEvent } from '../../src/host/host-events.js';
import type { HostPrediction } from '../../src/host/prediction/host-prediction.js';
import type { SessionOpening } from '../../src/host/prediction/messages.js';
import { SessionUpdates } from '../../src/host/session-updates.js';
import type { SessionUpdate } from '../../src/host/shard/messages.js';
import { BehavioralProfiler } from '../../src/profile/behavioral-profiler.js';

const update = (handle: number, more: Partial<SessionUpdate> = {}): SessionUpdate => ({
  ...{ handle, client: `client-${handle}`, bytesIn: 100, bytesOut: 50, seconds: 1, opened: false, closed: false },
  ...{ functionId: 'echo', errors: 0, rateLimit: 1000, bufferSize: 4096, level: 0, held: 0, isEnforced: true },
  ...more,
});

test('sessions of a shard that died are over for all who count them', async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/tidegate-updates-`);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const profiler = new BehavioralProfiler({ maxProfiles: 2 });
  const admissions = { buffered: 0, granted: 0, config: { functions: {} }, promiseOf: () => null };
  const ended: string[] = [];
  const service = {
    opened: () => {},
    closed: (_shard: number, _handle: number, client: string) => ended.push(client),
  };
  const events: SessionEvent[] = [];
  const updates = new SessionUpdates(
    profiler,
    admissions as unknown as Admissions,
    { service, serves: true } as unknown as HostPrediction,
    new DecisionRecord(folder, () => {}),
    new FunctionTotals((id) => id === 'echo'),
    { onSession: (event) => events.push(event), onSettings: () => {} },
  );
  const { share } = new SessionTable(1_000_000, 4);
  updates.shard(0, share);
  updates.shard(1, share);
  updates.take(0, [update(1, { opened: true }), update(2, { opened: true })]);
  updates.take(1, [update(3, { opened: true })]);
  assert.deepEqual([admissions.buffered, admissions.granted], [3 * 4096, 3000]);

  assert.deepEqual([...updates.sessionsByFunction], [['echo', 3]]);
  updates.lost(0);
  assert.deepEqual([...updates.sessionsByFunction], [['echo', 1]]);
  assert.deepEqual([admissions.buffered, admissions.granted], [4096, 1000]);
  const closed = events.filter(({ state }) => state === 'closed');
  assert.deepEqual(
    closed.map(({ id, client, functionId }) => [id, client, functionId]),
    [
      ['0-1', 'client-1', 'echo'],
      ['0-2', 'client-2', 'echo'],
    ],
  );
  assert.deepEqual(ended, ['client-1', 'client-2'], 'the predictor keeps what it knows of them');
  // Who is thought to be open stays in memory for ever: others find room only where these are not.
  for (const handle of [4, 5, 6]) {
    updates.take(1, [update(handle, { opened: true }), update(handle, { closed: true })]);
    await profiler.flush();
  }
  assert.ok(profiler.size <= 3, `${profiler.size}`);
});

test('a predictor is told of a session that turns to another function, and of all that are open where it begins anew', (t) => {
  const folder = mkdtempSync(`${tmpdir()}/tidegate-updates-`);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const functions = { streams: { variants: { streaming: {} } } };
  const admissions = {
    ...{ buffered: 0, granted: 0, config: { functions } },
    promiseOf: (id: string) => (id === 'streams' ? { rateLimit: 7, bufferSize: 8 } : undefined),
  };
  const told: SessionOpening[][] = [];
  const service = { closed: () => {}, opened: (_: number, openings: SessionOpening[]) => told.push(openings) };
  const updates = new SessionUpdates(
    new BehavioralProfiler(),
    admissions as unknown as Admissions,
    { service, serves: true } as unknown as HostPrediction,
    new DecisionRecord(folder, () => {}),
    new FunctionTotals((id) => id === 'echo'),
    { onSession: () => {}, onSettings: () => {} },
  );
  updates.take(0, [update(1, { opened: true }), update(2, { opened: true })]);
  updates.take(0, [update(1), update(2, { functionId: 'streams' })]);
  updates.take(0, [update(1), update(2, { functionId: 'streams' })]);
  assert.deepEqual(
    told.map((openings) => openings.map(({ handle, promise, isTyped }) => [handle, promise, isTyped])),
    [
      [
        [1, null, false],
        [2, null, false],
      ],
      [[2, { rateLimit: 7, bufferSize: 8 }, true]],
      [],
    ],
  );
  const [[first, second], [turned]] = told;
  assert.deepEqual(turned.context, { ...second.context, functionId: 'streams' }, 'all else is as it was at the open');
  updates.take(1, [update(3, { opened: true })]);
  updates.take(0, [update(1, { closed: true })]);
  assert.deepEqual(updates.openings(0), [turned]);
  assert.deepEqual(first.context.functionId, 'echo');
});

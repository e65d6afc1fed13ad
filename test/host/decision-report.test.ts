import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DecisionRecord, readDecisions } from '../../src/host/decision-record.js';
import { reportOf } from '../../src/host/decision-report.js';
import type { SessionUpdate } from '../../src/host/shard/messages.js';

const update = (change: Partial<SessionUpdate>): SessionUpdate => ({
  ...{ handle: 1, client: 'ann', bytesIn: 1000, bytesOut: 10, seconds: 1, opened: false, closed: false },
  ...{ functionId: 'f', errors: 0, rateLimit: 500, bufferSize: 100, level: 0, held: 0, isEnforced: true },
  ...change,
});

test('a line a session, forgotten with its client, and added up by function and mode', async () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'tidegate-decisions-')), 'decisions');
  const record = new DecisionRecord(folder, () => {});
  const now = Date.now();
  const session = (handle: number, change: Partial<SessionUpdate>) => {
    record.update(0, update({ handle, opened: true, ...change }), now);
    record.update(0, update({ handle, rateLimit: 1500, level: 2, held: 7, closed: true, ...change }), now);
  };
  session(1, {});
  session(2, { client: 'bob' });
  session(3, { client: 'bob', isEnforced: false, held: 0, level: 0 });
  // It goes on under no name: its client was forgotten.
  record.update(0, update({ handle: 9 }), now);
  await record.flush();
  assert.equal((await record.of('bob')).length, 2);
  const [file] = readdirSync(folder);
  appendFileSync(join(folder, file), '{"t":');
  const [enforced, observed] = await reportOf(readDecisions(folder, now - 1000));
  assert.deepEqual(
    [enforced.function, enforced.isEnforced, enforced.sessions, enforced.clients, enforced.heldSessions],
    ['f', true, 2, 2, 2],
  );
  assert.deepEqual([enforced.heldPackets, enforced.rateLimit, enforced.levels], [14, 1000, [0, 0, 2, 0]]);
  assert.deepEqual([observed.isEnforced, observed.sessions, observed.heldPackets], [false, 1, 0]);
  assert.deepEqual(await reportOf(readDecisions(folder, now + 1000)), []);
  // Two that forget, and one that adds, at once.
  session(4, { client: 'eve' });
  const next = new DecisionRecord(folder, () => {});
  next.update(0, update({ opened: true, closed: true, client: 'zoe' }), now);
  assert.equal((await next.of('zoe')).length, 1, 'behind half a line too');
  await Promise.all([record.forget(['bob']), record.forget(['bob']), record.flush()]);
  assert.equal((await record.of('eve')).length, 1);
  assert.equal(readFileSync(join(folder, file), 'utf8').includes('bob'), false);
  assert.equal((await record.of('ann')).length, 1);
  await record.close();
});

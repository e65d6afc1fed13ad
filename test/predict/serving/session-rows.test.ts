import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeatureTick } from '../../../src/core/feature-matrix.js';
import { SessionTable } from '../../../src/core/session-table.js';
import { CONTEXT_COLUMNS } from '../../../src/predict/model/context.js';
import { SESSION_COLUMNS, SESSION_CONTEXT, SESSION_TICKS } from '../../../src/predict/model/inputs.js';
import { ReplayRecorder } from '../../../src/predict/serving/replay-recorder.js';
import { ABUSE_BIT, SessionRows } from '../../../src/predict/serving/session-rows.js';
import { errorBit } from '../../../src/profile/behavioral-profile.js';

const { layout } = new SessionTable();
const columns = layout.features.length;

/** A handle as the core makes them: a slot and an odd generation. */
const handle = (slot: number, generation = 1): number => generation * layout.at.MAX_SLOTS + slot;

let ticks = 0;

/** A tick in which these sessions are live, each with so many bytes so far and resets counted. */
function tickOf(
  sessions: { handle: number; bytes: number; resets?: number; auth?: number; age?: number }[],
): FeatureTick {
  const features = new Float32Array(sessions.length * columns);
  sessions.forEach(({ resets = 0, auth = 0, age = 0 }, row) => {
    features[row * columns + layout.features.indexOf('age')] = Math.log1p(age);
    features[row * columns + layout.features.indexOf('event.resets')] = Math.log1p(resets);
    features[row * columns + layout.features.indexOf('event.authFailures')] = Math.log1p(auth);
  });
  return {
    tick: ++ticks,
    now: ticks * 1000,
    rows: sessions.length,
    handles: Int32Array.from(sessions, (session) => session.handle),
    features,
    bytesIn: Float64Array.from(sessions, ({ bytes }) => bytes),
    bytesOut: new Float64Array(sessions.length),
  };
}

const context = { functionId: 'echo', openedAt: 0, visits: 3, expectedLogRate: 5, errors: [0.5, 0.1, 0.1, 0.1, 0.1] };

test('states follow their sessions as others come and go, and a slot’s next session begins anew', () => {
  const rows = new SessionRows(layout, 2, 1);
  const [a, b, c] = [handle(0), handle(1), handle(2)];
  const at = (bytes: number) => [a, b, c].map((one) => ({ handle: one, bytes }));
  rows.take(tickOf(at(100)));
  rows.states[0].data.set([1, 1, 2, 2, 3, 3]);
  rows.take(tickOf([at(150)[2], at(300)[0]]));
  assert.deepEqual([...rows.states[0].data.subarray(0, 4)], [3, 3, 1, 1]);
  assert.deepEqual([rows.tickUp[0], rows.tickUp[1]], [50, 200]);
  assert.equal(rows.rowOf(b), -1);
  // The slot of b, for somebody else.
  const other = handle(1, 3);
  rows.take(tickOf([at(150)[2], at(300)[0], { handle: other, bytes: 40 }]));
  assert.deepEqual([...rows.states[0].data.subarray(0, 6)], [3, 3, 1, 1, 0, 0]);
  assert.equal(rows.tickUp[2], 40);
  assert.equal(rows.rowOf(b), -1);
  assert.equal(rows.rowOf(other), 2);
});

test('what a session leaves behind is there at its end, also when the rows went on without it', () => {
  const rows = new SessionRows(layout, 2, 1);
  const [a, b] = [handle(0), handle(1)];
  rows.take(tickOf([a, b].map((one) => ({ handle: one, bytes: 1 }))));
  rows.states[0].data.set([1, 2, 3, 4]);
  rows.feedback.bias.set(1, 0.5);
  assert.deepEqual(rows.close(a, 0)?.state, Float32Array.of(1, 2));
  rows.take(tickOf([]));
  const left = rows.close(b, 0);
  assert.deepEqual([left?.state, left?.bias], [Float32Array.of(3, 4), 0.5]);
  assert.equal(rows.close(b, 0), null, 'once');
  assert.equal(rows.close(handle(9), 0), null);
});

test('a session brings along its state, bias and what was known, before its first row or after it', () => {
  const rows = new SessionRows(layout, 2, 1);
  const opened = { context, state: Float32Array.of(7, 8), bias: 0.25 };
  const [early, late] = [handle(0), handle(1)];
  rows.open(early, opened);
  rows.take(tickOf([early, late].map((one) => ({ handle: one, bytes: 0 }))));
  rows.open(late, { ...opened, state: Float32Array.of(1) });
  rows.take(tickOf([early, late].map((one) => ({ handle: one, bytes: 0 }))));
  assert.deepEqual([...rows.states[0].data.subarray(0, 4)], [7, 8, 0, 0], 'a state of another size means nothing');
  for (const row of [0, 1]) {
    const known = rows.session.subarray(row * SESSION_COLUMNS + SESSION_CONTEXT, (row + 1) * SESSION_COLUMNS);
    assert.equal(known.length, CONTEXT_COLUMNS);
    assert.equal(known[0], 1);
    assert.ok(Math.abs(known[5] - Math.log1p(3)) < 1e-6);
    assert.equal(rows.feedback.bias.get(rows.placeOf(row)), 0.25);
  }
});

test('errors are read from counts that rose, or told; skipped ticks share what came', () => {
  const rows = new SessionRows(layout, 1, 1);
  const a = handle(0);
  rows.take(tickOf([{ handle: a, bytes: 0, resets: 2 }]));
  assert.equal(rows.happened[0], errorBit('reset'));
  rows.tell(a, errorBit('slow'));
  rows.take(tickOf([{ handle: a, bytes: 0, resets: 2, auth: 1 }]));
  assert.equal(rows.happened[0], errorBit('slow') | errorBit('malformed') | ABUSE_BIT);
  ticks += 3;
  assert.equal(rows.take(tickOf([{ handle: a, bytes: 400, resets: 2, auth: 1 }])), 3);
  assert.deepEqual([rows.tickUp[0], rows.happened[0]], [100, 0]);
});

test('what a session did before it was looked at is not what it did in a tick', () => {
  const rows = new SessionRows(layout, 1, 1);
  const [old, fresh, held] = [handle(0), handle(1), handle(2)];
  const at = (more: number) => [
    { handle: old, bytes: 5000 + more, resets: 3, auth: 1, age: 60_000 + more },
    { handle: fresh, bytes: 200 + more, resets: 1, age: 800 + more },
  ];
  rows.take(tickOf(at(0)));
  assert.deepEqual([...rows.joined.subarray(0, 2)], [1, 0]);
  assert.deepEqual([...rows.tickUp.subarray(0, 2)], [0, 200]);
  assert.deepEqual([...rows.happened.subarray(0, 2)], [0, errorBit('reset')]);
  rows.take(tickOf(at(100)));
  assert.deepEqual([...rows.joined.subarray(0, 2)], [0, 0]);
  assert.deepEqual([...rows.tickUp.subarray(0, 2)], [100, 100]);
  // After ticks that were skipped a session is as old as they took, and new.
  ticks += 4;
  rows.take(tickOf([...at(200), { handle: held, bytes: 50, age: 4500 }]));
  assert.deepEqual([rows.joined[2], rows.tickUp[2]], [0, 10]);
});

test('a session that is told of anew keeps its state and its bias', () => {
  const rows = new SessionRows(layout, 2, 1);
  const a = handle(0);
  const again = { context: { ...context, functionId: 'sink' }, state: null, bias: null };
  rows.open(a, { context, state: Float32Array.of(7, 8), bias: 0.25 });
  rows.open(a, again);
  rows.take(tickOf([{ handle: a, bytes: 0 }]));
  rows.open(a, again);
  assert.deepEqual([...rows.states[0].data.subarray(0, 2)], [7, 8]);
  assert.equal(rows.feedback.bias.get(rows.placeOf(0)), 0.25);
});

test('a shadow has states of its own, in the order of the rows, and may take over', () => {
  const rows = new SessionRows(layout, 1, 1);
  const [a, b] = [handle(0), handle(1)];
  rows.take(tickOf([a, b].map((one) => ({ handle: one, bytes: 0 }))));
  rows.addShadow(2);
  rows.states[1].data.set([1, 1, 2, 2]);
  rows.take(tickOf([b, a].map((one) => ({ handle: one, bytes: 0 }))));
  assert.deepEqual([...rows.states[1].data.subarray(0, 4)], [2, 2, 1, 1]);
  rows.endShadow(true);
  assert.equal(rows.states.length, 1);
  assert.equal(rows.states[0].columns, 2);
});

test('recordings have a row before each tick’s bytes, end with their session, and are of known clients only', () => {
  const rows = new SessionRows(layout, 1, 1);
  const recorder = new ReplayRecorder(1, () => 0);
  const a = handle(0);
  const done = [];
  let known: string | undefined;
  for (let tick = 0; tick < 20; tick++) {
    const live = tick < 18;
    const data = tickOf(live ? [{ handle: a, bytes: tick * 10 }] : []);
    const skipped = rows.take(data);
    if (tick === 2) known = 'client';
    done.push(...recorder.take(rows, data, skipped, 1000, () => known));
  }
  assert.equal(done.length, 1);
  const [sequence] = done;
  assert.deepEqual([sequence.client, sequence.ended, sequence.up.length], ['client', true, 15]);
  assert.ok(sequence.up.every((bytes) => bytes === 10));
  // The first row was taken in the third tick, when 10 bytes had come in the one before.
  assert.equal(sequence.rows[columns + SESSION_TICKS], 10);
  assert.equal(sequence.rows.length, sequence.up.length * sequence.columns);
});

test('what was recorded of a shard that is gone makes room for others', () => {
  const gone = new SessionRows(layout, 1, 1);
  const rows = new SessionRows(layout, 1, 1);
  const recorder = new ReplayRecorder(1, () => 0);
  const tick = (of: SessionRows, live: boolean) => {
    const data = tickOf(live ? [{ handle: handle(0), bytes: 0 }] : []);
    return recorder.take(of, data, of.take(data), 1000, () => 'client');
  };
  tick(gone, true);
  recorder.leave(gone);
  const done = Array.from({ length: 20 }, (_, i) => tick(rows, i < 18)).flat();
  assert.equal(done.length, 1);
});

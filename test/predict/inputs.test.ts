import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionTable } from '../../src/core/session-table.js';
import { uniform } from '../../src/predict/model/parameters.js';
import { PhaseColumns } from '../../src/predict/model/phase.js';
import { TickHistory } from '../../src/predict/model/tick-history.js';
import { varied } from '../../src/predict/training/augment.js';
import { Batches } from '../../src/predict/training/batches.js';
import { allFlowRows, type Flow } from '../../src/predict/training/flow-rows.js';

test('a history says nothing before the first tick, then averages, peaks and the kind of what it saw', () => {
  const history = new TickHistory();
  const row = new Float32Array(TickHistory.columns).fill(9);
  history.write(row, 0);
  assert.ok(row.every((value) => value === 0));
  for (let i = 0; i < 40; i++) history.add(i === 38 ? 900 : 0, i === 39 ? 99 : 0);
  history.write(row, 0);
  const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1e-5);
  assert.equal(row[0], 1);
  for (const [i, bytes] of [0, 99, 99].entries()) near(row[1 + i], Math.log1p(bytes));
  near(row[TickHistory.bestLog], 0.3 * Math.log1p(99) + 0.7 * 0.3 * Math.log1p(900));
  near(row[TickHistory.bestBytes], Math.log1p(0.5 * 99 + 0.25 * 900));
  for (const [i, expected] of [Math.log1p(900), 0.4, Math.log1p(900), 2 / 30].entries()) near(row[18 + i], expected);
  assert.deepEqual([...row.subarray(22)], [0, 0, 1], 'control');
});

test('phase: who sends every ten seconds is due when ten have passed', () => {
  const table = new SessionTable();
  const handle = table.open(0);
  for (let k = 1; k <= 50; k++) table.core.datagramIn(handle, 50, k * 10_000);
  const phase = new PhaseColumns(table.layout.features);
  const columns = (now: number): Float32Array => {
    const row = new Float32Array(table.layout.features.length + PhaseColumns.columns);
    row.set(table.features(handle, now));
    phase.write(row, table.layout.features.length);
    return row.subarray(table.layout.features.length);
  };
  const [early, due] = [columns(502_000), columns(510_000)];
  assert.ok(Math.abs(early[0] - 0.2) < 1e-3 && Math.abs(due[0] - 1) < 1e-3);
  assert.ok(early[1] === 4 && Math.abs(due[1]) < 1e-2 && due[2] < 0.01);
  assert.ok(
    early.subarray(9).every((value) => value === 0),
    'nothing went out',
  );
});

const flow = (name: string, count: number): Flow => ({
  name,
  capture: name,
  label: 'control',
  times: Array.from({ length: count }, (_, i) => i * 1000),
  out: Array.from({ length: count }, (_, i) => i % 2 === 1),
  bytes: Array.from({ length: count }, () => 100),
});

test('a varied flow has the packets of the first, at other times and sizes', () => {
  const random = uniform(2);
  const first = flow('a', 50);
  const other = varied(first, random);
  assert.deepEqual([other.name, other.out], [first.name, first.out]);
  assert.notDeepEqual(other.times, first.times);
  const factor = other.times[1] / first.times[1];
  for (const [i, time] of other.times.entries()) assert.ok(Math.abs(time - first.times[i] * factor) < 1e-6);
  assert.ok(other.bytes.every((bytes) => bytes >= 1 && Number.isInteger(bytes)));
});

test('batches: a stretch keeps its state, rows after packets never do, and nothing is left of the batch before', () => {
  const rows = allFlowRows([flow('long', 100), flow('short', 3)]);
  const shape = { sequences: 16, steps: 8 };
  const batches = new Batches(rows, shape, uniform(4));
  let [stretches, events] = [0, 0];
  for (let k = 0; k < 20; k++) {
    const { features, keep, dropout } = batches.next();
    const width = features.length / (shape.sequences * shape.steps);
    for (let s = 0; s < shape.sequences; s++) {
      assert.equal(keep[s], 0, 'a first step has no state');
      const kept = Array.from({ length: shape.steps - 1 }, (_, t) => keep[(t + 1) * shape.sequences + s]);
      if (kept.every((value) => value === 0)) events++;
      else stretches++;
      // A sequence's missing features are the same at every step.
      const row = (t: number) =>
        dropout.subarray((t * shape.sequences + s) * width, (t * shape.sequences + s + 1) * width);
      assert.deepEqual(row(0), row(shape.steps - 1));
    }
  }
  assert.ok(stretches > 100 && events > 80, `${stretches} stretches, ${events} of packets`);
});

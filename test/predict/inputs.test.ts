import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SessionTable } from '../../src/core/session-table.js';
import { Random } from '../../src/numeric/random.js';
import { behaviourOf } from '../../src/predict/behaviour.js';
import { Silences } from '../../src/predict/model/silences.js';
import { TickHistory } from '../../src/predict/model/tick-history.js';
import { varied } from '../../src/predict/training/augment.js';
import { Batches } from '../../src/predict/training/batches.js';
import { allFlowRows, type Flow } from '../../src/predict/training/flow-rows.js';

test('a history says nothing before the first tick, then averages, peaks and the kind of what it saw', () => {
  const history = new TickHistory(2);
  const place = 1;
  const row = new Float32Array(TickHistory.columns).fill(9);
  history.write(row, 0, place);
  assert.ok(row.every((value) => value === 0));
  for (let i = 0; i < 40; i++) history.add(i === 38 ? 900 : 0, i === 39 ? 99 : 0, place);
  history.grow(4);
  history.write(row, 0, place);
  const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1e-4 * (1 + expected));
  for (const [i, bytes] of [0, 99, 99].entries()) near(row[i], bytes);
  near(row[TickHistory.bestBytes], 0.5 * 99 + 0.25 * 900);
  near(row[TickHistory.byteColumns - 4], 900);
  near(row[TickHistory.byteColumns - 3], 900);
  near(row[TickHistory.byteColumns - 2], 900);
  near(row[TickHistory.byteColumns - 1], 99);
  assert.equal(row[TickHistory.byteColumns], 1);
  near(row[TickHistory.bestLog], 0.3 * Math.log1p(99) + 0.7 * 0.3 * Math.log1p(900));
  near(history.average(place), row[TickHistory.bestLog]);
  const shares = TickHistory.byteColumns + 8;
  near(row[shares], 0.4);
  near(row[shares + 1], 2 / 30);
  assert.deepEqual([...row.subarray(shares + 2, shares + 5)], [0, 0, 1], 'control');
  history.write(row, 0, 0);
  assert.ok(
    row.every((value) => value === 0),
    'its neighbour did nothing',
  );
  history.clear(place);
  history.write(row, 0, place);
  assert.ok(row.every((value) => value === 0));
});

test('phase: who sends every ten seconds is due when ten have passed', () => {
  const table = new SessionTable();
  const handle = table.open(0);
  for (let k = 1; k <= 50; k++) table.core.datagramIn(handle, 50, k * 10_000);
  const feature = (name: string, now: number): number =>
    table.features(handle, now)[table.layout.features.indexOf(name)];
  const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1e-3, `${value}`);
  near(feature('in.phase.10s', 502_000), 0.2);
  near(feature('in.due.10s', 502_000), 4);
  near(feature('in.phase.10s', 510_000), 1);
  near(feature('in.due.60s', 509_000), 1);
  assert.equal(feature('out.phase.1s', 510_000), 0, 'nothing went out');
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
  const random = new Random(2).next;
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
  const batches = new Batches(rows, shape, new Random(4).next);
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

test('sums that are kept as ticks come and go are those of the last thirty', () => {
  const amounts = fc.array(fc.tuple(fc.oneof(fc.constant(0), fc.nat(5000)), fc.oneof(fc.constant(0), fc.nat(5000))), {
    minLength: 1,
    maxLength: 100,
  });
  fc.assert(
    fc.property(amounts, (ticks) => {
      const history = new TickHistory();
      for (const [up, down] of ticks) history.add(up, down);
      const row = new Float32Array(TickHistory.columns);
      history.write(row, 0);
      const last = ticks.slice(-30);
      const [ups, downs] = [0, 1].map((way) => last.map((tick) => tick[way]));
      const sum = (values: number[]): number => values.reduce((all, value) => all + value, 0);
      const most = Math.max(...last.map(([up, down]) => up + down));
      const bytes = TickHistory.byteColumns;
      assert.deepEqual([...row.subarray(bytes - 3, bytes)], [most, sum(ups), sum(downs)]);
      const active = last.filter(([up, down]) => up + down > 0).length / last.length;
      assert.ok(Math.abs(row[TickHistory.kinds - 1] - active) < 1e-6);
      assert.equal(history.kind(0), behaviourOf(ups, downs, 0, last.length));
    }),
  );
});

test('silences: of those that lasted as long as this one, how many ended here', () => {
  const silences = new Silences(1);
  const row = new Float32Array(Silences.columns);
  // Three active ticks, then nine silent ones, over and over, and once five.
  const beat = [...[1, 1, 1], ...new Array(9).fill(0)];
  for (const tick of [...beat, ...beat, ...beat, ...[1, 0, 0, 0, 0, 0], ...beat]) silences.add(tick * 7, 0);
  silences.write(row, 0, 0);
  const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1e-5, `${value}`);
  near(row[0], Math.log1p(9));
  near(row[1], Math.log1p(5));
  near(row[2], Math.log1p(9));
  near(row[3], Math.log1p((9 + 9 + 9 + 5) / 4));
  near(row[4], 3 / 4);
  near(row[6], 1 / 4);
  near(row[7], 7);
  assert.equal(row[9], 0);
  for (let i = 0; i < 2; i++) silences.add(7, 0);
  silences.write(row, 0, 0);
  near(row[0], 0);
  near(row[9], Math.log1p(2));
});

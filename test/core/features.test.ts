import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReferenceFeatures } from '../../src/core/reference/session-features.js';
import { SessionTable } from '../../src/core/session-table.js';
import { fuzzRuns } from '../support/fuzz.js';

const MONTH = 30 * 86_400_000;

interface Packet {
  out: boolean;
  size: number;
  elapsed: number;
}

const packet: fc.Arbitrary<Packet> = fc.record({
  out: fc.boolean(),
  size: fc.oneof(fc.nat(1500), fc.nat(2 ** 31), fc.constantFrom(0, 1, 2 ** 31)),
  elapsed: fc.oneof(
    { weight: 8, arbitrary: fc.nat(50_000_000).map((ns) => ns / 1e6) },
    { weight: 2, arbitrary: fc.nat(100_000) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1e-6, -5, -MONTH, MONTH) },
  ),
});

/** Names of features that are bounded and hold no logarithm. */
const BOUNDED = /^(ratio|correlation|.*burstiness|.*phase|.*due)/;
const DEVIATION = /Deviation/;

/** Compares a row of the core with the reference's: 1e-4 of the quantity, of a deviation at least of a thousandth mean. */
function compare(names: readonly string[], actual: Float32Array, expected: number[]): void {
  assert.equal(actual.length, expected.length);
  names.forEach((name, i) => {
    assert.ok(Number.isFinite(actual[i]), `${name} is ${actual[i]}`);
    if (BOUNDED.test(name)) {
      const near =
        Math.abs(actual[i] - expected[i]) <= 1e-4 * Math.max(1, Math.abs(expected[i])) ||
        isNoise(name, names, expected);
      assert.ok(near, `${name}: ${actual[i]}, reference ${expected[i]}`);
      return;
    }
    const [a, e] = [Math.expm1(Math.abs(actual[i])), Math.expm1(Math.abs(expected[i]))];
    // A row before: the mean that a deviation belongs to.
    const mean = DEVIATION.test(name) ? Math.expm1(expected[names.indexOf(name.replace('Deviation', ''))]) : 0;
    const scale = Math.max(e, mean / 1000, 1e-9);
    assert.ok(Math.abs(a - e) <= 1e-4 * scale, `${name}: ${a}, reference ${e}`);
    if (e > 1e-9) assert.equal(Math.sign(actual[i]), Math.sign(expected[i]), name);
  });
}

/** A burstiness or correlation of deviations that are within rounding of 0. */
function isNoise(name: string, names: readonly string[], expected: number[]): boolean {
  const lane = name.replace(/^.*?\.(?=[\d.]+s$)/, '');
  const small = (base: string, deviation: string): boolean => {
    const mean = Math.expm1(expected[names.indexOf(`${base}.${lane}`)]);
    return Math.expm1(expected[names.indexOf(`${deviation}.${lane}`)]) < mean * 1e-3;
  };
  if (!name.startsWith('correlation')) return false;
  return small('in.size', 'in.sizeDeviation') || small('out.size', 'out.sizeDeviation');
}

function referenceFor(table: SessionTable, now: number): ReferenceFeatures {
  const { halfLives, at } = table.layout;
  return new ReferenceFeatures(halfLives, at.OPENING_PACKETS, at.EVENT_COUNT, now);
}

function play(table: SessionTable, packets: Iterable<Packet>, start: number, after: number): void {
  const handle = table.open(start);
  const reference = referenceFor(table, start);
  let now = start;
  for (const { out, size, elapsed } of packets) {
    now = Math.max(0, now + elapsed);
    if (out) table.core.datagramOut(handle, size, now);
    else table.core.datagramIn(handle, size, now);
    reference.packet(out ? 'out' : 'in', size, now);
  }
  for (const at of [now, now + after]) compare(table.layout.features, table.features(handle, at), reference.row(at));
  table.close(handle);
}

test('features are those of the plain reference, over any history', () => {
  const table = new SessionTable();
  const after = fc.oneof(fc.nat(100_000), fc.constantFrom(0, MONTH));
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 150 }), fc.nat(1e9), after, (packets, start, later) => {
      play(table, packets, start, later);
    }),
    { numRuns: fuzzRuns(1500) },
  );
});

test('the recursion is the weighted mean and variance that it stands for', () => {
  const gaps = fc.array(fc.tuple(fc.double({ min: 0, max: 3000, noNaN: true }), fc.nat(1500)), {
    minLength: 1,
    maxLength: 30,
  });
  const table = new SessionTable();
  fc.assert(
    fc.property(gaps, (history) => {
      const handle = table.open(0);
      let now = 0;
      const seen = history.map(([gap, size]) => {
        now += gap;
        table.core.datagramIn(handle, size, now);
        return { time: now, size, gap };
      });
      const row = table.features(handle, now);
      table.layout.halfLives.forEach((halfLife, lane) => {
        const weights = seen.map(({ time }) => 2 ** (-(now - time) / halfLife));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const mean = (of: (packet: (typeof seen)[0]) => number) =>
          seen.reduce((sum, packet, i) => sum + weights[i] * of(packet), 0) / total;
        const size = mean((packet) => packet.size);
        const gap = mean((packet) => packet.gap);
        const deviations = [
          Math.sqrt(mean((packet) => (packet.size - size) ** 2)),
          Math.sqrt(mean((packet) => (packet.gap - gap) ** 2)),
        ];
        const expected = [total, total * size, size, deviations[0], gap, deviations[1]];
        expected.forEach((value, i) => {
          const told = Math.expm1(row[i * 4 + lane]);
          const scale = Math.max(value, [0, 0, 0, size, 0, gap][i] / 1000, 1e-6);
          assert.ok(Math.abs(told - value) <= 1e-4 * scale, `${i}: ${told}, by definition ${value}`);
        });
      });
      table.close(handle);
    }),
    { numRuns: fuzzRuns(500) },
  );
});

/** A generator of numbers from 0 to 1 that is the same each time. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    yield (state >>> 8) / 2 ** 24;
  }
}

function* longHistory(count: number, gap: number, sizes: (next: () => number, i: number) => number): Generator<Packet> {
  const random = numbers(count + gap);
  const next = (): number => random.next().value;
  for (let i = 0; i < count; i++) {
    yield { out: next() < 0.4, size: Math.floor(sizes(next, i)), elapsed: gap * 2 * next() };
  }
}

test('a million packets don’t drift: random sizes, constant ones far from 0, a level that changes late', () => {
  const table = new SessionTable();
  const million = 1_000_000;
  play(
    table,
    longHistory(million, 0.001, (next) => next() * 1500),
    0,
    10,
  );
  play(
    table,
    longHistory(million, 3, (next) => next() * 2 ** 31),
    0,
    1000,
  );
  play(
    table,
    longHistory(million, 0.01, () => 2 ** 31 - 7),
    5,
    0,
  );
  play(
    table,
    longHistory(million, 0.02, (_, i) => (i < million * 0.99 ? 1400 + (i & 1) : 900 - (i & 1))),
    5,
    0,
  );
});

test('events, wire ratio and sessions that did nothing', () => {
  const table = new SessionTable();
  const handle = table.open(100);
  const reference = referenceFor(table, 100);
  compare(table.layout.features, table.features(handle, 100), reference.row(100));
  compare(table.layout.features, table.features(handle, 99), reference.row(99));
  Object.values(table.events).forEach((event, i) => {
    table.core.note(handle, event, i * 1000);
    reference.events[event] = i * 1000;
  });
  table.core.setWireRatio(handle, 7.5);
  reference.wireRatio = 7.5;
  for (const bad of [Number.NaN, -1, Number.POSITIVE_INFINITY]) table.core.setWireRatio(handle, bad);
  table.core.note(handle, 99, 1);
  compare(table.layout.features, table.features(handle, 5000), reference.row(5000));
  table.core.note(handle, table.events.resets, 2 ** 32 - 1);
  table.core.note(handle, table.events.resets, 2 ** 32 - 1);
  assert.equal(table.counts(handle).resets, 2 ** 32 - 1, 'counts stop at the largest number');
});

test('a batch does what the single calls do', () => {
  const [one, many] = [new SessionTable(), new SessionTable()];
  const { at } = many.layout;
  const limits = { rate: 50_000, burst: 20_000, packetRate: 1000, packetBurst: 50 };
  const handles = Array.from({ length: 50 }, () => [one, many].map((table) => table.open(0, { in: limits }))[1]);
  const random = numbers(7);
  const u32 = new Uint32Array(many.memory.buffer);
  const f64 = new Float64Array(many.memory.buffer);
  for (let round = 0; round < 20; round++) {
    const expected = Array.from({ length: 333 }, (_, i) => {
      const handle = i % 50 === 49 ? 0x7fffffff : handles[Math.floor(random.next().value * 50)];
      const size = Math.floor(random.next().value * 1500);
      const out = random.next().value < 0.5;
      const now = round * 100 + i / 10;
      u32[at.SCRATCH / 4 + i * 4] = handle;
      u32[at.SCRATCH / 4 + i * 4 + 1] = out ? size + 2 ** 31 : size;
      f64[at.SCRATCH / 8 + i * 2 + 1] = now;
      return out ? one.core.datagramOut(handle, size, now) : one.core.datagramIn(handle, size, now);
    });
    many.core.packets(expected.length);
    assert.deepEqual(
      expected.map((_, i) => u32[at.SCRATCH / 4 + i * 4 + 1]),
      expected,
    );
  }
  for (const handle of handles) {
    assert.deepEqual([...many.features(handle, 3000)], [...one.features(handle, 3000)]);
    assert.deepEqual(many.counts(handle), one.counts(handle));
  }
});

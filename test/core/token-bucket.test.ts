import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Limits } from '../../src/core/limits.js';
import { ReferenceBucket, type WholeLimits } from '../../src/core/reference/token-bucket.js';
import { type Direction, SessionTable } from '../../src/core/session-table.js';
import { fuzzRuns } from '../support/fuzz.js';

const ns = (now: number): bigint => BigInt(Math.trunc(now * 1e6));
const whole = (limits: Limits): WholeLimits => ({
  rate: BigInt(limits.rate),
  burst: BigInt(limits.burst),
  packetRate: BigInt(limits.packetRate),
  packetBurst: BigInt(limits.packetBurst),
});

/** From a byte a second to 100 Gbit/s. */
const rate = fc.oneof(fc.nat(10), fc.nat(1_000_000), fc.constantFrom(1, 12_500_000_000));
const limits: fc.Arbitrary<Limits> = fc.record({
  rate,
  burst: fc.oneof(fc.nat(100), fc.nat(1_000_000), fc.constantFrom(0, 1, 2 ** 32 - 1)),
  packetRate: fc.oneof(fc.nat(1000), fc.constant(2 ** 32 - 1)),
  packetBurst: fc.oneof(fc.nat(20), fc.constant(2 ** 32 - 1)),
});
/** ms: within a packet train, seconds, a year; and back. */
const elapsed = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 5, noNaN: true }) },
  { weight: 2, arbitrary: fc.nat(10_000) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1, -1e6, 31_536_000_000) },
);
const size = fc.oneof(fc.nat(1500), fc.nat(1_000_000), fc.constant(2 ** 31));

type Step = { elapsed: number } & (
  | { kind: 'datagram'; size: number }
  | { kind: 'stream'; want: number; moved: number; control: boolean }
  | { kind: 'limits'; limits: Limits }
  | { kind: 'wait'; want: number }
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('datagram' as const), elapsed, size }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('stream' as const),
      elapsed,
      want: size,
      moved: fc.double({ min: 0, max: 1, noNaN: true }),
      control: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limits' as const), elapsed, limits }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), elapsed, want: size }) },
);

/** Holds one direction of one session to the reference, step by step, to the last billionth of a byte. */
class Pair {
  readonly reference: ReferenceBucket;
  now = 1000;

  constructor(
    readonly table: SessionTable,
    readonly handle: number,
    readonly direction: Direction,
    limits: Limits,
  ) {
    this.reference = new ReferenceBucket(whole(limits), ns(1000));
  }

  get out(): 0 | 1 {
    return this.direction === 'out' ? 1 : 0;
  }

  do(step: Step): void {
    const { table, handle, reference } = this;
    const { core } = table;
    this.now = Math.max(0, this.now + step.elapsed);
    // Nothing is asked for: the core looks at neither clock nor tokens.
    if (step.kind === 'stream' && step.want === 0) {
      assert.equal(core.grant(handle, this.out, 0, 0, this.now), 0);
      return;
    }
    reference.refill(ns(this.now));
    if (step.kind === 'datagram') {
      const passes = reference.has(BigInt(step.size));
      if (passes) reference.take(BigInt(step.size));
      const verdict = this.out
        ? core.datagramOut(handle, step.size, this.now)
        : core.datagramIn(handle, step.size, this.now);
      assert.equal(verdict === 0, passes);
    } else if (step.kind === 'stream') {
      const { want, control } = step;
      const reserve = control ? BigInt(table.layout.at.CONTROL_RESERVE_BYTES) : 0n;
      const granted = reference.available(BigInt(Math.min(want, 2 ** 31 - 1)), reserve, control ? 16n : 0n);
      assert.equal(core.grant(handle, this.out, want, control ? 1 : 0, this.now), Number(granted));
      if (granted === 0n) return;
      reference.take(granted);
      const moved = Math.floor(step.moved * Number(granted));
      core.settle(handle, this.out, Number(granted), moved, this.now);
      reference.giveBack(granted - BigInt(moved), moved === 0 ? 1n : 0n);
    } else if (step.kind === 'limits') {
      table.setLimits(handle, this.direction, step.limits, this.now);
      reference.relimit(whole(step.limits));
    } else {
      const wait = reference.waitFor(BigInt(step.want));
      const told = core.waitFor(handle, this.out, step.want, this.now);
      if (wait === null) assert.equal(told, Number.POSITIVE_INFINITY);
      else assert.equal(told, Number(wait));
    }
  }
}

for (const direction of ['in', 'out'] as const) {
  test(`tokens ${direction}: as the exact reference says, through any history`, () => {
    const table = new SessionTable();
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 80 }), (first, steps) => {
        const handle = table.open(1000, { [direction]: first });
        const pair = new Pair(table, handle, direction, first);
        for (const step of steps) pair.do(step);
        table.close(handle);
      }),
      { numRuns: fuzzRuns(2000) },
    );
  });
}

test('in any interval a session passes at most burst + rate * time, and gets its rate', () => {
  const table = new SessionTable();
  const handle = table.open(0, { in: { rate: 10_000, burst: 5000, packetRate: 1e6, packetBurst: 1e6 } });
  const passed: number[] = [];
  for (let now = 0; now < 20_000; now += 3) if (table.core.datagramIn(handle, 100, now) === 0) passed.push(now);
  for (let from = 0; from < passed.length; from += 50) {
    for (let to = from; to < passed.length; to++) {
      assert.ok((to - from + 1) * 100 <= 5000 + (10_000 * (passed[to] - passed[from])) / 1000);
    }
  }
  assert.ok(passed.length * 100 >= 10_000 * 20 - 100);
});

test('a session at its rate is never refused, and tokens stay whole over ten million packets', () => {
  const table = new SessionTable();
  // 333 bytes every 333 us, in the middle of a nanosecond.
  const handle = table.open(0, { in: { rate: 1_000_000, burst: 333, packetRate: 1e9, packetBurst: 10 } });
  let refused = 0;
  for (let i = 0; i < 10_000_000; i++)
    refused += table.core.take(handle, 0, 333, (i * 333_000 + 0.5) / 1e6) === 0 ? 0 : 1;
  assert.equal(refused, 0);
});

test('a session, its function and the shard: all give or none does, and the reason is counted', () => {
  const table = new SessionTable();
  const many = { packetRate: 1e6, packetBurst: 1e6 };
  table.setShardLimits('in', { rate: 0, burst: 1000, ...many }, 0);
  table.setFunctionLimits(1, 'in', { rate: 0, burst: 600, ...many }, 0);
  const a = table.open(0, { functionIndex: 1, in: { rate: 0, burst: 500, ...many } });
  const b = table.open(0, { functionIndex: 2 });
  const c = table.open(0, { functionIndex: 1 });
  const { core } = table;
  assert.equal(core.datagramIn(a, 501, 0), 1);
  assert.equal(core.datagramIn(a, 500, 0), 0);
  assert.equal(core.datagramIn(c, 101, 0), 3, 'the function has 100 left');
  assert.equal(core.grant(c, 0, 200, 0, 0), 100);
  core.settle(c, 0, 100, 40, 0);
  assert.equal(core.datagramIn(b, 461, 0), 5, 'the shard has 460 left');
  assert.equal(core.datagramIn(b, 460, 0), 0);
  assert.equal(core.grant(c, 0, 1, 0, 0), 0, 'which the others took');
  assert.equal(core.sharedWaitFor(c, 0, 1, 0), Number.POSITIVE_INFINITY);
  const { dropped, waited } = table.gateCounts();
  assert.deepEqual([dropped.sessionBytes, dropped.functionBytes, dropped.shardBytes], [1, 1, 1]);
  assert.equal(waited.shardBytes, 1);
  table.setShardLimits('in', { rate: 1000, burst: 1000, ...many }, 0);
  assert.equal(core.sharedWaitFor(b, 0, 100, 0), 100e6);
});

test('where fewer bytes than are worth it are there a stream waits, and that is counted; what is wanted is always enough', () => {
  const table = new SessionTable();
  const many = { packetRate: 1e6, packetBurst: 1e6 };
  const handle = table.open(0, { in: { rate: 1000, burst: 1000, ...many } });
  table.setShardLimits('in', { rate: 500, burst: 500, ...many }, 0);
  const { core } = table;
  assert.equal(core.grant(handle, 0, 9999, 0, 0, 501), 0);
  assert.equal(table.gateCounts().waited.shardBytes, 1);
  assert.equal(core.grant(handle, 0, 9999, 0, 0, 500), 500);
  core.settle(handle, 0, 500, 100, 0);
  assert.equal(core.grant(handle, 0, 400, 0, 0, 4096), 400);
  assert.equal(core.grant(handle, 0, 400, 0, 10, 4096), 0, '5 bytes came meanwhile');
  assert.equal(core.grant(handle, 0, 400, 0, 10), 5);
});

test('control messages have a reserve, and it is a small one', () => {
  const table = new SessionTable();
  const handle = table.open(0, { in: { rate: 1000, burst: 1000, packetRate: 1e6, packetBurst: 1e6 } });
  const { core } = table;
  assert.equal(core.grant(handle, 0, 9999, 0, 0), 1000);
  assert.equal(core.grant(handle, 0, 1, 0, 0), 0);
  assert.equal(core.grant(handle, 0, 9999, 1, 0), table.layout.at.CONTROL_RESERVE_BYTES);
  assert.equal(core.grant(handle, 0, 1, 1, 0), 0);
  assert.equal(core.waitFor(handle, 0, 1, 0), 4097e6, 'data waits until the reserve is full again');
});

test('observe mode counts what it would have refused and refuses nothing', () => {
  const table = new SessionTable();
  const none = { rate: 0, burst: 0, packetRate: 0, packetBurst: 0 };
  const handle = table.open(0, { in: none, out: none, observe: true });
  const { core } = table;
  assert.equal(core.datagramIn(handle, 100, 0), 0);
  assert.equal(core.datagramOut(handle, 50, 0), 0);
  assert.equal(core.grant(handle, 0, 1000, 0, 0), 1000);
  core.settle(handle, 0, 1000, 700, 0);
  const counts = table.counts(handle);
  assert.deepEqual([counts.bytesIn, counts.packetsIn, counts.bytesOut, counts.packetsOut], [800, 2, 50, 1]);
  assert.deepEqual([counts.dropped, counts.waited], [2, 1]);
});

test('a datagram that could not be sent gives back its tokens and is not counted', () => {
  const table = new SessionTable();
  const handle = table.open(0, { out: { rate: 0, burst: 100, packetRate: 0, packetBurst: 1 } });
  assert.equal(table.core.datagramOut(handle, 100, 0), 0);
  table.core.unsent(handle, 100);
  assert.equal(table.counts(handle).bytesOut, 0);
  assert.equal(table.core.datagramOut(handle, 100, 0), 0);
  assert.equal(table.core.datagramOut(handle, 1, 0), 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SessionTable } from '../../src/core/session-table.js';

/** The token bucket in plain TypeScript, as the formula says. */
class ReferenceBucket {
  tokens: number;
  refilled: number;

  constructor(
    now: number,
    public rate: number,
    public burst: number,
  ) {
    this.tokens = burst;
    this.refilled = now;
  }

  refill(now: number): void {
    if (now <= this.refilled) return;
    this.tokens = Math.min(this.burst, this.tokens + ((now - this.refilled) * this.rate) / 1000);
    this.refilled = now;
  }

  take(bytes: number, now: number): boolean {
    this.refill(now);
    if (this.tokens < bytes) return false;
    this.tokens -= bytes;
    return true;
  }
}

test('datagrams pass exactly as the reference bucket says, through clocks that go back too', () => {
  const table = new SessionTable();
  const step = fc.tuple(fc.integer({ min: -50, max: 500 }), fc.nat(3000));
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(10_000), fc.array(step, { maxLength: 100 }), (rate, burst, steps) => {
      let now = 1000;
      const slot = table.open(now, rate, burst);
      const reference = new ReferenceBucket(now, rate, burst);
      for (const [elapsed, bytes] of steps) {
        now += elapsed;
        assert.equal(table.core.datagramIn(slot, bytes, now) === 1, reference.take(bytes, now));
      }
      table.close(slot);
    }),
    { numRuns: 2000 },
  );
});

test('in any interval a session passes at most burst + rate * time', () => {
  const table = new SessionTable();
  const slot = table.open(0, 10_000, 5000);
  const passed: [number, number][] = [];
  for (let now = 0; now < 20_000; now += 3) if (table.core.datagramIn(slot, 100, now)) passed.push([now, 100]);
  for (let from = 0; from < passed.length; from += 50) {
    let bytes = 0;
    for (let to = from; to < passed.length; to++) {
      bytes += passed[to][1];
      assert.ok(bytes <= 5000 + (10_000 * (passed[to][0] - passed[from][0])) / 1000 + 1e-6);
    }
  }
  assert.ok(passed.length * 100 >= 10_000 * 20 - 100, 'and it does get its rate');
});

test('grant takes ahead, settle gives back what was not read', () => {
  const table = new SessionTable();
  const slot = table.open(0, 1000, 10_000);
  assert.equal(table.core.grant(slot, 65_536, 0), 10_000);
  assert.equal(table.core.grant(slot, 1, 0), 0);
  table.core.settle(slot, 10_000, 4000, 0);
  assert.equal(table.core.grant(slot, 65_536, 0), 6000);
  table.core.settle(slot, 6000, 6000, 0);
  assert.equal(table.core.waitTime(slot, 4096, 0), 4096);
  assert.equal(table.core.grant(slot, 4096, 4096), 4096);
  const counts = table.counts(slot);
  assert.deepEqual([counts.bytesIn, counts.packetsIn, counts.waited], [10_000, 2, 1]);
});

test('a changed limit takes effect at once and keeps the tokens in proportion', () => {
  const table = new SessionTable();
  const slot = table.open(0, 1000, 1000);
  assert.equal(table.core.datagramIn(slot, 500, 0), 1);
  table.setLimits(slot, 10_000, 10_000, 0);
  assert.equal(table.core.datagramIn(slot, 5001, 0), 0);
  assert.equal(table.core.datagramIn(slot, 5000, 0), 1);
  assert.equal(table.core.datagramIn(slot, 1000, 100), 1);
});

test('the average follows the rate and forgets it', () => {
  const table = new SessionTable();
  const slot = table.open(0, 1e9, 1e9);
  for (let now = 0; now <= 60_000; now += 10) table.core.datagramIn(slot, 100, now);
  assert.ok(Math.abs(table.core.averageRate(slot, 60_000) - 10_000) < 200);
  assert.ok(table.core.averageRate(slot, 120_000) < 100);
});

test('slots are used again with another generation, and a full table says so', () => {
  const table = new SessionTable(3, 1);
  const slots = [0, 1, 2].map((now) => table.open(now, 1, 1));
  assert.deepEqual(slots, [0, 1, 2]);
  assert.throws(() => table.open(0, 1, 1), { code: 'TIDEGATE_E_TABLE_FULL' });
  const before = table.generation(1);
  table.close(1);
  assert.equal(table.open(0, 1, 1), 1);
  assert.equal(table.generation(1), before + 2);
  assert.equal(table.openSlots, 3);
});

test('a hundred thousand sessions keep apart', () => {
  const table = new SessionTable();
  for (let i = 0; i < 100_000; i++) assert.equal(table.open(0, 1000, i), i);
  for (let i = 0; i < 100_000; i += 997) assert.equal(table.core.grant(i, 1_000_000, 0), i);
});

test('bad slots and rates: the core clamps, the wrapper names what is wrong', () => {
  const table = new SessionTable();
  for (const slot of [5, 4_000_000_000, -1, Number.NaN]) {
    assert.equal(table.core.datagramIn(slot, 1, 0), 0);
    assert.equal(table.core.grant(slot, 1, 0), 0);
    table.core.settle(slot, 1, 1, 0);
    table.core.countOut(slot, 1, 0);
    table.core.close(slot);
    assert.throws(() => table.counts(slot), { code: 'TIDEGATE_E_CORE' });
  }
  for (const rate of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    assert.throws(() => table.open(0, rate, 1), /rate is/);
    assert.throws(() => table.open(0, 1, rate), /burst is/);
  }
  const slot = table.open(0, 10, 10);
  table.core.setLimits(slot, Number.NaN, -5, 0);
  assert.equal(table.core.datagramIn(slot, 1, 1e9), 0);
  table.close(slot);
  assert.throws(() => table.close(slot), /closed/);
});

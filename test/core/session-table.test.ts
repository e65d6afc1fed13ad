import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionTable } from '../../src/core/session-table.js';

const limits = (rate: number, burst: number) => ({ rate, burst, packetRate: 1e6, packetBurst: 1e6 });

test('slots are used again with another handle, and a full table says so', () => {
  const table = new SessionTable(3, 1);
  const handles = [0, 1, 2].map((now) => table.open(now));
  assert.deepEqual(
    handles.map((handle) => table.slotOf(handle)),
    [0, 1, 2],
  );
  assert.throws(() => table.open(0), { code: 'TIDEGATE_E_TABLE_FULL', message: /all 3 session slots/ });
  table.close(handles[1]);
  const next = table.open(0);
  assert.equal(table.slotOf(next), 1);
  assert.notEqual(next, handles[1]);
  assert.equal(table.openSlots, 3);
});

test('a late write does not reach the next owner of a slot', () => {
  const table = new SessionTable();
  const old = table.open(0);
  table.close(old);
  const next = table.open(0, { in: limits(0, 100) });
  const { core } = table;
  const before = [...table.features(next, 50)];
  assert.equal(core.datagramIn(old, 100, 10), 7);
  assert.equal(core.datagramOut(old, 100, 10), 7);
  assert.equal(core.grant(old, 0, 100, 0, 10), 0);
  core.settle(old, 0, 100, 100, 10);
  core.unsent(old, 100);
  core.note(old, table.events.resets, 1);
  core.setWireRatio(old, 9);
  core.setLimits(old, 0, 1e9, 1e9, 1e9, 1e9, 10);
  core.close(old);
  assert.equal(core.waitFor(old, 0, 1, 0), 0);
  assert.throws(() => table.setLimits(old, 'in', limits(1, 1), 0), {
    code: 'TIDEGATE_E_CORE',
    message: /names no open/,
  });
  assert.throws(() => table.close(old), { code: 'TIDEGATE_E_CORE' });
  assert.throws(() => table.counts(old), { code: 'TIDEGATE_E_CORE' });
  assert.deepEqual([...table.features(next, 50)], before);
  assert.equal(table.limits(next, 'in').burst, 100);
  assert.equal(table.gateCounts().dropped.closed, 2);
});

test('a million sessions keep apart', () => {
  const table = new SessionTable();
  for (let i = 0; i < 1_000_000; i++) {
    const handle = table.open(0);
    if (i % 9973 !== 0) continue;
    table.setLimits(handle, 'in', limits(0, i), 0);
    assert.equal(table.slotOf(handle), i);
  }
  assert.throws(() => table.open(0), { code: 'TIDEGATE_E_TABLE_FULL' });
  const first = 1 << 20;
  for (let i = 0; i < 1_000_000; i += 9973) {
    assert.equal(table.core.grant(first | i, 0, 2_000_000, 0, 0), i);
    assert.equal(table.limits(first | i, 'in').burst, i);
  }
  // A record is 768 bytes; the rest is both buffers of the feature matrix, untouched so far.
  assert.ok(table.memoryBytes < 1_000_000 * 1900);
});

test('limits read back as they were set, and no limit as Infinity', () => {
  const table = new SessionTable();
  const own = { rate: 12_500_000_000, burst: 1, packetRate: 3, packetBurst: 4_000_000_000 };
  const handle = table.open(0, { in: own });
  assert.deepEqual(table.limits(handle, 'in'), own);
  const none = Number.POSITIVE_INFINITY;
  assert.deepEqual(table.limits(handle, 'out'), { rate: none, burst: none, packetRate: none, packetBurst: none });
  assert.equal(table.core.grant(handle, 1, 2 ** 31, 0, 0), 2 ** 31 - 1);
});

test('bad slots, lengths, rates and clocks: the core clamps and counts, the wrapper names what is wrong', () => {
  const table = new SessionTable();
  const { core } = table;
  for (const handle of [5, 4_000_000_000, -1, Number.NaN, 0]) {
    assert.equal(core.datagramIn(handle, 1, 0), 7);
    assert.equal(core.grant(handle, 0, 1, 0, 0), 0);
    core.settle(handle, 1, 1, 1, 0);
    core.close(handle);
    assert.throws(() => table.counts(handle), { code: 'TIDEGATE_E_CORE' });
  }
  for (const rate of [Number.NaN, -1]) {
    assert.throws(() => table.open(0, { in: limits(rate, 1) }), /rate is/);
    assert.throws(() => table.open(0, { out: limits(1, rate) }), /burst is/);
  }
  assert.throws(() => table.open(Number.NaN), /now is NaN/);
  assert.throws(() => table.open(0, { functionIndex: 1.5 }), /functionIndex is 1.5/);
  assert.throws(() => table.setFunctionLimits(0, 'in', limits(1, 1), 0), /functionIndex is 0/);
  assert.throws(() => table.setFunctionLimits(5000, 'in', limits(1, 1), 0), /functionIndex is 5000/);
  const [handle, other] = [table.open(1000), table.open(1000)];
  const before = [...table.features(other, 2000)];
  for (const now of [Number.NaN, -5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 1e300]) {
    core.datagramIn(handle, 2 ** 32 - 1, now);
    core.datagramOut(handle, -1, now);
    core.settle(handle, 0, 1e9, 1e9, now);
    core.waitFor(handle, 0, 1, now);
    core.setLimits(handle, 0, now, Number.NaN, -3, now, now);
    core.setSharedLimits(4_000_000, 0, 1, 1, 1, 1, now);
    assert.ok([...table.features(handle, now)].every(Number.isFinite));
  }
  core.extract(table.layout.at.SCRATCH, 0, table.layout.at.SCRATCH, 0);
  assert.ok(table.gateCounts().clamped > 20);
  assert.deepEqual([...table.features(other, 2000)], before);
  // A slot out of range leaves a row of 0.
  const { at } = table.layout;
  const u32 = new Uint32Array(table.memory.buffer);
  u32[at.SCRATCH / 4] = 4_000_000_000;
  core.extract(at.SCRATCH, 1, at.SCRATCH + 1024, 0);
  assert.ok(u32.subarray((at.SCRATCH + 1024) / 4, (at.SCRATCH + 1024 + at.ROW) / 4).every((word) => word === 0));
});

test('names: as many as a row is wide, each once', () => {
  const { layout } = new SessionTable();
  assert.equal(new Set(layout.features).size, layout.at.FEATURES);
  assert.ok(layout.features.includes('in.count.0.1s'));
  assert.ok(layout.features.includes('opening.gap.16'));
});

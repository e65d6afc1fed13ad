import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { FeatureMatrixReader, FeatureMatrixWriter } from '../../src/core/feature-matrix.js';
import { LimitsMailbox } from '../../src/core/limits-mailbox.js';
import { SessionTable } from '../../src/core/session-table.js';

const SCRIPT = new URL('../support/core-threads.js', import.meta.url);

interface Beside {
  worker: Worker;
  result: Promise<unknown>;
}

async function beside(table: SessionTable, data: object, stop: SharedArrayBuffer): Promise<Beside> {
  const worker = new Worker(SCRIPT, { workerData: { share: table.share, stop, ...data } });
  assert.deepEqual(await once(worker, 'message'), ['ready']);
  return { worker, result: once(worker, 'message').then(([value]) => value) };
}

test('limits that two other threads write without rest are never seen half', { timeout: 60_000 }, async () => {
  const table = new SessionTable();
  const handle = table.open(0);
  const stop = new SharedArrayBuffer(4);
  const threads = await Promise.all([0, 1].map((seed) => beside(table, { role: 'limits', handle, seed }, stop)));
  const seen = new Set<number>();
  const end = performance.now() + 1500;
  for (let i = 0; performance.now() < end; i++) {
    table.core.datagramIn(handle, 1, i / 1000);
    if (i % 16 !== 0) continue;
    const { rate, burst, packetRate, packetBurst } = table.limits(handle, 'in');
    if (rate === Number.POSITIVE_INFINITY) continue;
    const n = rate / 17_000;
    seen.add(n);
    assert.deepEqual([burst, packetRate, packetBurst], [Math.min(n * 4000, 2 ** 32), n * 3, n * 2].map(bounded));
    assert.equal(table.limits(handle, 'out').rate, n * 16_000);
    assert.equal(table.posture(handle).level, n & 3);
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  const writes = (await Promise.all(threads.map(({ result }) => result))) as number[];
  for (const { worker } of threads) await worker.terminate();
  assert.ok(seen.size > 100, `${seen.size} settings were seen of ${writes} written`);
});

const bounded = (value: number): number => (value >= 2 ** 32 - 1 ? Number.POSITIVE_INFINITY : value);

test('the feature matrix is read whole or not at all while it is being written', { timeout: 60_000 }, async () => {
  const table = new SessionTable();
  const handles = Int32Array.from({ length: 3000 }, () => table.open(0));
  const stop = new SharedArrayBuffer(4);
  const { worker, result } = await beside(table, { role: 'matrix', handle: 0, seed: 0 }, stop);
  const writer = new FeatureMatrixWriter(table);
  const end = performance.now() + 1500;
  for (let now = 1; performance.now() < end; now++) {
    for (const handle of handles) table.core.note(handle, table.events.resets, 1);
    writer.begin(handles, handles.length, now);
    while (writer.isWriting) writer.slice();
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  const { ticks, torn } = (await result) as { ticks: number; torn: number };
  await worker.terminate();
  assert.equal(torn, 0);
  assert.ok(ticks > 20, `${ticks} ticks were read`);
});

test('a matrix has a row a session, and handles beside it', () => {
  const table = new SessionTable();
  const handles = Int32Array.from({ length: 2500 }, (_, i) => table.open(i));
  for (const [i, handle] of handles.entries()) table.core.datagramIn(handle, i, 3000);
  const writer = new FeatureMatrixWriter(table);
  const reader = new FeatureMatrixReader(table.share);
  assert.equal(reader.read(), null);
  writer.begin(handles, 0, 3000);
  assert.equal(reader.read()?.rows, 0);
  writer.begin(handles, handles.length, 4000);
  for (let slices = 0; writer.isWriting; slices++) {
    assert.equal(reader.read(1), null, 'the tick before stands until this one is complete');
    assert.ok(slices < 3);
    writer.slice();
  }
  const tick = reader.read(1);
  assert.ok(tick !== null);
  assert.deepEqual([tick.rows, tick.now, tick.tick], [2500, 4000, 2]);
  assert.deepEqual(tick.handles.slice(0, 2500), handles);
  const width = table.layout.features.length;
  for (const row of [0, 1023, 1024, 2499]) {
    assert.deepEqual(tick.features.slice(row * width, (row + 1) * width), table.features(handles[row], 4000).slice());
  }
  assert.equal(reader.read(tick.tick), null);
});

test('limits for a session that is gone reach nobody', () => {
  const table = new SessionTable();
  const mailbox = new LimitsMailbox(table.share);
  const limits = { rate: 5, burst: 5, packetRate: 5, packetBurst: 5 };
  const settings = { in: limits, out: limits, level: 2, bufferSize: 5 };
  const old = table.open(0);
  assert.ok(mailbox.write(old, settings));
  table.close(old);
  assert.equal(mailbox.write(old, settings), false);
  const next = table.open(0);
  assert.equal(table.slotOf(next), table.slotOf(old));
  table.core.refresh(next, 0);
  assert.equal(table.limits(next, 'in').rate, Number.POSITIVE_INFINITY, 'nor does what was not yet taken over');
  assert.ok(mailbox.write(next, settings));
  assert.equal(table.limits(next, 'in').rate, Number.POSITIVE_INFINITY);
  table.core.datagramIn(next, 1, 0);
  assert.deepEqual(table.limits(next, 'in'), limits);
  assert.deepEqual(table.posture(next), { level: 2, bufferSize: 5 });
  assert.equal(mailbox.write(1 << 19, settings), false);
  assert.throws(() => mailbox.write(next, { ...settings, in: { ...limits, rate: Number.NaN } }), /rate is NaN/);
});

test('a table that grew is still written to', () => {
  const table = new SessionTable(5000, 1);
  const mailbox = new LimitsMailbox(table.share);
  const handles = Array.from({ length: 5000 }, () => table.open(0));
  const limits = { rate: 7, burst: 7, packetRate: 7, packetBurst: 7 };
  assert.ok(mailbox.write(handles[4999], { in: limits, out: limits, level: 0, bufferSize: 0 }));
  table.core.refresh(handles[4999], 0);
  assert.equal(table.limits(handles[4999], 'out').rate, 7);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../src/core/limits.js';
import { SessionTable } from '../../src/core/session-table.js';
import { type TokenWaiter, TokenWaiters } from '../../src/host/shard/token-waiters.js';

const limits = (rate: number, burst: number): Limits => ({ rate, burst, packetRate: 1e9, packetBurst: 1e9 });

/** A stream that always has data, as a GatedStream reads it. */
class Reader implements TokenWaiter {
  read = 0;

  constructor(
    readonly waiters: TokenWaiters,
    readonly handle: number,
    readonly weight: number,
    readonly chunk: number,
    readonly left = { bytes: Number.POSITIVE_INFINITY },
  ) {}

  proceed(): void {
    const { waiters, handle } = this;
    const { core } = waiters.table;
    while (this.left.bytes > 0) {
      const want = Math.min(this.chunk, this.left.bytes, waiters.allowance(handle));
      const granted = want < 1 ? 0 : core.grant(handle, 0, want, 0, waiters.clock());
      if (granted === 0) {
        waiters.add(this);
        return;
      }
      core.settle(handle, 0, granted, granted, waiters.clock());
      waiters.moved(handle, granted);
      this.read += granted;
      this.left.bytes -= granted;
    }
  }
}

/** A shard's waiters on a clock that the test moves. */
class Scene {
  now = 0;
  readonly table = new SessionTable();
  readonly waiters = new TokenWaiters(this.table, 'in', () => this.now);

  reader(weight: number, chunk: number, own: Limits = limits(1e9, 1e9), functionIndex = 0): Reader {
    return new Reader(this.waiters, this.table.open(0, { in: own, functionIndex }), weight, chunk);
  }

  run(until: number, readers: readonly Reader[]): void {
    for (const reader of readers) reader.proceed();
    for (; this.now < until; this.now++) this.waiters.fire();
  }
}

test('over capacity sessions share by weight, whatever the size of their reads', () => {
  const scene = new Scene();
  scene.table.setShardLimits('in', limits(1_000_000, 20_000), 0);
  const readers = [scene.reader(1, 65_536), scene.reader(1, 100), scene.reader(2, 1500), scene.reader(4, 65_536)];
  scene.run(10_000, readers);
  const total = readers.reduce((sum, { read }) => sum + read, 0);
  assert.ok(total <= 20_000 + 10_000 * 1000 && total >= 10_000 * 1000 * 0.97, `${total} bytes in 10 s`);
  const shares = readers.map(({ read, weight }) => read / weight / (total / 8));
  for (const share of shares) assert.ok(Math.abs(share - 1) < 0.03, shares.join(', '));
  scene.waiters.close();
});

test('a session with little to say is not held up by those that wait, and takes no more than it needs', () => {
  const scene = new Scene();
  scene.table.setShardLimits('in', limits(100_000, 20_000), 0);
  const greedy = Array.from({ length: 10 }, () => scene.reader(1, 65_536));
  scene.run(5000, greedy);
  assert.ok(scene.waiters.isCrowded);
  const small = scene.reader(1, 65_536);
  small.left.bytes = 500;
  scene.run(10_000, [small]);
  assert.equal(small.read, 500);
  assert.equal(scene.waiters.size, 10);
  scene.waiters.close();
});

test('one that waits for its own bucket only does not stand in the queue', () => {
  const scene = new Scene();
  const slow = scene.reader(1, 65_536, limits(1000, 5000));
  const other = scene.reader(1, 1000, limits(1e9, 1e9));
  other.left.bytes = 50_000;
  scene.run(10_000, [slow, other]);
  assert.equal(scene.waiters.isCrowded, false);
  assert.equal(other.read, 50_000);
  assert.ok(slow.read >= 5000 + 4000 && slow.read <= 5000 + 10_000);
  scene.waiters.close();
});

test('a function at its limit does not keep others from what the shard has', () => {
  const scene = new Scene();
  scene.table.setFunctionLimits(1, 'in', limits(10_000, 10_000), 0);
  const [held, free] = [scene.reader(1, 65_536, limits(1e9, 1e9), 1), scene.reader(1, 65_536, limits(1e6, 1e5), 2)];
  scene.run(5000, [held, free]);
  assert.ok(held.read <= 10_000 + 50_000 && held.read > 50_000);
  assert.ok(free.read > 4_500_000, `${free.read}`);
  scene.waiters.close();
});

test('new limits wake who waits, and who left is served no more', () => {
  const scene = new Scene();
  const [stuck, gone] = [scene.reader(1, 1000, limits(0, 0)), scene.reader(1, 1000, limits(1000, 0))];
  scene.run(100, [stuck, gone]);
  assert.equal(stuck.read, 0);
  scene.table.setLimits(stuck.handle, 'in', limits(1_000_000, 10_000), scene.now);
  scene.waiters.delete(gone.handle);
  scene.waiters.review();
  scene.run(200, []);
  assert.ok(stuck.read >= 90_000);
  assert.equal(gone.read, 0);
  scene.waiters.close();
});

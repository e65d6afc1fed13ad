import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '../../src/core/limits.js';
import { SessionTable } from '../../src/core/session-table.js';
import { sink } from '../../src/host/functions/sink.js';
import { GatedStream } from '../../src/host/shard/gated-stream.js';
import type { HostSession } from '../../src/host/shard/host-session.js';
import { TokenWaiters } from '../../src/host/shard/token-waiters.js';
import type { TransportStream } from '../../src/host/transport.js';
import { SILENT_STREAM } from '../../src/http3/stream.js';

/** Buckets that fill faster than a stream of few bytes a call can empty them. */
const FAST: Limits = { rate: 5e7, burst: 100_000, packetRate: 1e9, packetBurst: 1e9 };
/** Calls after which a test gives up: without an end it would hang. */
const MOST_CALLS = 10_000;

/** A session and a stream that always has more, and takes all. */
class Scene {
  readonly table = new SessionTable();
  readonly readers = new TokenWaiters(this.table, 'in');
  readonly writers = new TokenWaiters(this.table, 'out');
  readonly handle = this.table.open(performance.now(), { in: FAST, out: FAST });
  calls = 0;
  bytes = 0;
  readonly stream: GatedStream;

  constructor() {
    const move = (length: number): number => {
      if (++this.calls > MOST_CALLS) throw new Error('it goes on for ever');
      this.bytes += length;
      return length;
    };
    const transport = {
      handler: SILENT_STREAM,
      finished: false,
      isReadDone: false,
      isWriteDone: false,
      incoming: true,
      bidirectional: false,
      read: (into: Uint8Array) => move(into.length),
      write: (bytes: Uint8Array) => move(bytes.length),
      pause() {},
      resume() {},
    };
    const session = { handle: this.handle, weight: 1, fullSince: null, shard: this, wroteAgain() {} };
    this.stream = new GatedStream(session as unknown as HostSession, transport as unknown as TransportStream);
  }

  async run(ms: number): Promise<number> {
    const startedAt = performance.now();
    while (performance.now() < startedAt + ms) await new Promise((resolve) => setTimeout(resolve, 1));
    this.readers.close();
    this.writers.close();
    return performance.now() - startedAt;
  }

  /** In pieces worth their calls, and at the rate of the limit. */
  check(ms: number): void {
    assert.ok(this.bytes / this.calls > 2048, `${this.bytes} bytes in ${this.calls} calls`);
    const allowed = FAST.burst + (FAST.rate * ms) / 1000;
    assert.ok(this.bytes <= allowed * 1.01 && this.bytes > allowed / 20, `${this.bytes} of ${allowed} bytes`);
  }
}

test('a stream over its limit is read in pieces worth a call, and the loop has its turns', async () => {
  const scene = new Scene();
  const session = sink.open({} as HostSession);
  session.onStream?.(scene.stream);
  scene.stream.handler.onReadable();
  scene.check(await scene.run(100));
});

test('a stream over its limit is written in pieces worth a call', async () => {
  const scene = new Scene();
  const bytes = new Uint8Array(1_000_000);
  let left = bytes;
  const write = (): void => {
    left = left.subarray(scene.stream.write(left, false));
    if (left.length === 0) left = bytes;
  };
  scene.stream.handler = { ...SILENT_STREAM, onWritable: write };
  write();
  scene.check(await scene.run(100));
});

test('a read that took all there was does not hold up the next, when tokens have come', async () => {
  const scene = new Scene();
  const buffer = new Uint8Array(FAST.burst * 2);
  assert.ok(scene.stream.read(buffer) >= FAST.burst);
  await scene.run(5);
  assert.ok(scene.stream.read(buffer) > 0);
});

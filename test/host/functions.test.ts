import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipe } from '../../src/host/functions/echo.js';
import { sink } from '../../src/host/functions/sink.js';
import { source } from '../../src/host/functions/source.js';
import type { GatedStream } from '../../src/host/shard/gated-stream.js';
import type { HostSession } from '../../src/host/shard/host-session.js';
import { W3cStream } from '../../src/host/shard/w3c-session.js';

/** A stream whose reader has `input` and whose writer takes `room` bytes a turn. */
class FakeStream {
  handler = { onReadable() {}, onWritable() {}, onReset() {}, onStopSending() {} };
  bidirectional = true;
  finished = false;
  isReadDone = false;
  isWriteDone = false;
  paused = false;
  room = 0;
  written: number[] = [];

  constructor(public input: number[] = []) {}

  get stream(): GatedStream {
    return this as unknown as GatedStream;
  }

  read(into: Uint8Array): number {
    if (this.paused) return -1;
    const part = this.input.splice(0, Math.min(into.length, 3));
    into.set(part);
    if (part.length === 0) {
      this.finished = true;
      this.isReadDone = true;
    }
    return part.length;
  }

  write(bytes: Uint8Array, end: boolean): number {
    // No room at all refuses an end as well, as a stream does whose writer is not there yet.
    if (this.room === 0) return 0;
    const taken = bytes.subarray(0, this.room);
    this.written.push(...taken);
    this.room -= taken.length;
    if (end && taken.length === bytes.length) this.isWriteDone = true;
    return taken.length;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    if (!this.isReadDone) this.handler.onReadable();
  }

  reset(): void {}
  stopSending(): void {}
}

test('pipe: everything arrives in order, and the end too, however little room there is', () => {
  for (const room of [1, 2, 5, 100]) {
    const input = Array.from({ length: 20 }, (_, i) => i);
    const from = new FakeStream([...input]);
    const to = new FakeStream();
    pipe(from.stream, to.stream, 8);
    from.handler.onReadable();
    for (let turn = 0; turn < 60 && !to.isWriteDone; turn++) {
      to.room = room;
      to.handler.onWritable();
    }
    assert.deepEqual(to.written, input);
    assert.equal(to.isWriteDone, true);
  }
});

test('source: sends what was asked for, nothing for 0, and ends', () => {
  for (const [query, expected] of [
    ['bytes=10', 10],
    ['bytes=0', 0],
    ['bytes=-5', 0],
    ['bytes=x', 1024 * 1024],
  ] as const) {
    const stream = new FakeStream();
    const session = { query: new URLSearchParams(query), openStream: () => stream.stream } as unknown as HostSession;
    source.open(session).onOpen?.();
    for (let turn = 0; turn < 400 && !stream.isWriteDone; turn++) {
      stream.room = 4096;
      stream.handler.onWritable();
    }
    assert.equal(stream.written.length, expected);
    assert.equal(stream.isWriteDone, true);
  }
});

test('sink: ends the other half as soon as that is possible', () => {
  const stream = new FakeStream([1, 2, 3, 4]);
  sink.open({} as HostSession).onStream?.(stream.stream);
  assert.equal(stream.isWriteDone, false);
  stream.room = 1;
  stream.handler.onWritable();
  assert.equal(stream.isWriteDone, true);
  stream.handler.onReadable();
  assert.equal(stream.isReadDone, true);
});

test('W3C streams: small reads, pauses and resumes lose nothing', async () => {
  const total = 50;
  let sent = 0;
  const readable = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === total) controller.close();
      else controller.enqueue(new Uint8Array(7).fill(sent++));
    },
  });
  const stream = new W3cStream(Promise.resolve({ readable }), true, false);
  const got: number[] = [];
  await new Promise<void>((resolve) => {
    let reads = 0;
    const window = new Uint8Array(3);
    const onReadable = (): void => {
      for (let length = stream.read(window); length >= 0; length = stream.read(window)) {
        got.push(...window.subarray(0, length));
        if (stream.finished) resolve();
        if (++reads % 4 === 0) {
          stream.pause();
          setTimeout(() => {
            stream.resume();
            onReadable();
          }, 1);
          return;
        }
      }
    };
    stream.handler = { ...stream.handler, onReadable };
  });
  assert.deepEqual(
    got,
    Array.from({ length: total * 7 }, (_, i) => Math.floor(i / 7)),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamWriter } from '../../../src/host/functions/stream-writer.js';
import type { GatedStream } from '../../../src/host/shard/gated-stream.js';
import type { Waiting } from '../../../src/host/shard/host-session.js';
import { SILENT_STREAM } from '../../../src/http3/stream.js';

/** A stream that takes so many bytes. */
class Stream {
  handler = SILENT_STREAM;
  isWriteDone = false;
  room = 0;
  readonly session = { waiting: new Set<Waiting>() };
  readonly written: string[] = [];
  readonly writer = new StreamWriter(this as unknown as GatedStream);

  write(bytes: Uint8Array, end: boolean): number {
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    if (taken > 0) this.written.push(Buffer.from(bytes.subarray(0, taken)).toString());
    if (end && taken === bytes.length) {
      this.isWriteDone = true;
      this.written.push('end');
    }
    return taken;
  }

  reset(): void {
    this.isWriteDone = true;
  }

  more(room: number): void {
    this.room += room;
    this.handler.onWritable();
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('writes go one behind the other, each is told when it was taken, and the end comes last', async () => {
  const stream = new Stream();
  const done: number[] = [];
  const writes = [stream.writer.write(bytes('one')), stream.writer.write(bytes('two'))];
  for (const [i, write] of writes.entries()) void write.then(() => done.push(i));
  stream.writer.end();
  stream.more(4);
  await writes[0];
  assert.deepEqual([done, stream.session.waiting.size], [[0], 1]);
  stream.more(10);
  await writes[1];
  assert.deepEqual(stream.written, ['one', 't', 'wo', 'end']);
  assert.equal(stream.session.waiting.size, 0);
  await stream.writer.write(bytes('too late'));
});

test('what can no more be written is let go of: stopped, reset, or its session over', async () => {
  const ends: ((stream: Stream) => void)[] = [
    (stream) => stream.handler.onStopSending(1),
    (stream) => stream.writer.reset(1),
    ({ session }) => {
      for (const each of [...session.waiting]) each.giveUp();
    },
  ];
  for (const end of ends) {
    const stream = new Stream();
    const writes = [stream.writer.write(bytes('one')), stream.writer.write(bytes('two'))];
    end(stream);
    await Promise.all(writes);
    assert.deepEqual([stream.written, stream.session.waiting.size], [[], 0]);
  }
});

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AppError } from '../../../src/control/codes.js';
import { ModuleEndpoint } from '../../../src/host/functions/endpoints/module-endpoint.js';
import type { Handlers } from '../../../src/host/functions/handler.js';
import type { Receive } from '../../../src/host/functions/receive/criteria.js';
import type { GatedStream } from '../../../src/host/shard/gated-stream.js';
import type { HostSession } from '../../../src/host/shard/host-session.js';
import { SILENT_STREAM } from '../../../src/http3/stream.js';
import { mappedSession } from '../../support/mapped-session.js';

/** A client's stream: what came on it, and what its client takes of the answer. */
class Stream {
  handler = SILENT_STREAM;
  readonly bidirectional = true;
  isReadDone = false;
  isWriteDone = false;
  finished = false;
  room = 0;
  written = '';
  readonly codes: number[] = [];

  constructor(
    readonly session: HostSession,
    public came: Buffer,
  ) {}

  read(into: Uint8Array): number {
    if (this.isReadDone) return -1;
    // A message at a time.
    const length = this.came.copy(into, 0, 0, Math.min(2, this.came.length));
    this.came = this.came.subarray(length);
    this.finished = this.came.length === 0;
    this.isReadDone = this.finished;
    return length;
  }

  write(bytes: Uint8Array, end: boolean): number {
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.written += Buffer.from(bytes.subarray(0, taken)).toString();
    if (end && taken === bytes.length) this.isWriteDone = true;
    return taken;
  }

  more(room: number): void {
    this.room += room;
    this.handler.onWritable();
  }

  reset(code: number): void {
    this.codes.push(code);
    this.isWriteDone = true;
  }

  stopSending(): void {
    this.isReadDone = true;
  }
}

function presented(handlers: Handlers, came: string, receive: Partial<Receive> = {}, room = 0): Stream {
  const { mapped, session } = mappedSession(new ModuleEndpoint(handlers), receive);
  mapped.onOpen();
  const stream = new Stream(session, Buffer.from(came));
  stream.room = room;
  mapped.onStream(stream as unknown as GatedStream);
  stream.handler.onReadable();
  return stream;
}

/** A function that answers each message alike, and how many it was asked. */
function answering(answer: string) {
  const asked = { times: 0 };
  const data = (): string => {
    asked.times++;
    return answer;
  };
  return { asked, data };
}

const framedByOne = { framing: 'u8', when: { messages: 1 } } as const;

const withTimers = (context: TestContext): void => context.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });

test('any number of messages that are answered at once is answered', () => {
  const count = 20_000;
  const { asked, data } = answering('y');
  const stream = presented({ data }, '\x01x'.repeat(count), framedByOne, 10 * count);
  assert.deepEqual([asked.times, stream.written.length], [count, 2 * count]);
  assert.equal(stream.isWriteDone, true);
});

test('a reply that is taken slowly is waited for, and the next message with it', (context) => {
  withTimers(context);
  const { asked, data } = answering('an answer');
  const stream = presented({ data }, '\x01x\x01x', framedByOne);
  for (let i = 0; i < 9; i++) {
    assert.equal(asked.times, 1);
    context.mock.timers.tick(9000);
    stream.more(1);
  }
  assert.equal(asked.times, 1);
  stream.more(1);
  assert.equal(asked.times, 2);
  assert.deepEqual(stream.codes, []);
});

test('who takes nothing of a reply loses the stream', (context) => {
  withTimers(context);
  const { asked, data } = answering('an answer');
  const stream = presented({ data }, '\x01x\x01x', framedByOne);
  stream.more(3);
  context.mock.timers.tick(10_000);
  assert.deepEqual(stream.codes, []);
  context.mock.timers.tick(10_000);
  assert.deepEqual([stream.codes, asked.times], [[AppError['reply-unread']], 1]);
});

test('a reply too long for its frame is a failure of the function', async () => {
  for (const data of [() => 'y'.repeat(300), async () => 'y'.repeat(300)]) {
    const stream = presented({ data }, '\x01x', { framing: 'u8' });
    await new Promise(setImmediate);
    assert.deepEqual(stream.codes, [AppError['handler-failed']]);
  }
});

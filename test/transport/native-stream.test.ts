import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebTransportSession } from '../../src/http3/session.js';
import type { WebTransportStream, WebTransportStreamHandler } from '../../src/http3/stream.js';
import { NativeSession } from '../../transport/native-session.js';
import { NativeStream } from '../../transport/native-stream.js';

const bytes = Buffer.from('some bytes');

/** A stream of QUIC's that does on the next write what it is told to, and what the library heard of it. */
class Stream {
  handler!: WebTransportStreamHandler;
  isWriteDone = false;
  onWrite: () => number = () => bytes.length;
  readonly heard: string[] = [];
  readonly native: NativeStream;

  constructor(session: NativeSession) {
    this.native = new NativeStream(this as unknown as WebTransportStream, session, 0);
    this.native.jsobj = {
      onStreamWrite: ({ success }: { success: boolean }) => this.heard.push(success ? 'written' : 'not written'),
      onStreamRecvSignal: ({ nettask }: { nettask: string }) => this.heard.push(nettask),
      onStreamNetworkFinish: ({ nettask }: { nettask: string }) => this.heard.push(nettask),
    } as never;
  }

  write(_bytes: Uint8Array, end: boolean): number {
    if (end) this.isWriteDone = true;
    return end ? 0 : this.onWrite();
  }

  /** The peer wants no more, which writing finds out. */
  stopped(then: () => void = () => {}): void {
    this.onWrite = () => {
      this.isWriteDone = true;
      this.handler.onStopSending(5);
      then();
      return 0;
    };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const session = (): NativeSession => new NativeSession({} as WebTransportSession);

test('a stream that writing finds to be stopped: the library is told, and nothing breaks', async () => {
  const stream = new Stream(session());
  stream.stopped();
  stream.native.writeChunk(bytes);
  await turn();
  assert.deepEqual(stream.heard, ['stopSending', 'not written']);
});

test('what is said while others write is written too', async () => {
  const native = session();
  const [first, second] = [new Stream(native), new Stream(native)];
  first.stopped(() => {
    second.native.writeChunk(bytes);
    first.native.streamFinal();
  });
  first.native.writeChunk(bytes);
  await turn();
  assert.deepEqual([first.heard, second.heard], [['stopSending', 'not written', 'streamFinal'], ['written']]);
});

test('what finds no room waits, and goes on when there is some', async () => {
  const stream = new Stream(session());
  stream.onWrite = () => 4;
  stream.native.writeChunk(bytes);
  await turn();
  assert.deepEqual(stream.heard, []);
  stream.onWrite = () => bytes.length - 4;
  stream.handler.onWritable();
  stream.native.streamFinal();
  await turn();
  assert.deepEqual(stream.heard, ['written', 'streamFinal']);
});

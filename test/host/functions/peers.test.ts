import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import type { SessionFunction } from '../../../src/host/functions/host-function.js';
import { PeerFunction } from '../../../src/host/functions/peers/peer-function.js';
import { localLink, type PeerLink, type PeerMessage, PortLink } from '../../../src/host/functions/peers/peer-link.js';
import { LEAST_UNDER_WAY } from '../../../src/host/functions/peers/peer-window.js';
import type { GatedStream } from '../../../src/host/shard/gated-stream.js';
import type { HostSession } from '../../../src/host/shard/host-session.js';
import { SILENT_STREAM } from '../../../src/http3/stream.js';

const BUFFER = 20_000;
/** Messages between two in one thread go by microtasks. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A client's stream: what it sent and nobody has read, what it was sent, and how much it takes. */
class FakeStream {
  handler = SILENT_STREAM;
  unread = 0;
  isEnded = false;
  isPaused = false;
  /** Bytes that its client takes for now. */
  takes = Number.POSITIVE_INFINITY;
  got = 0;
  isReadDone: boolean;
  isWriteDone: boolean;
  finished = false;
  resetWith: number | null = null;
  stoppedWith: number | null = null;

  constructor(
    readonly bidirectional: boolean,
    incoming: boolean,
  ) {
    this.isReadDone = !incoming && !bidirectional;
    this.isWriteDone = incoming && !bidirectional;
  }

  /** Its client sends. */
  send(bytes: number, end = false): void {
    this.unread += bytes;
    this.isEnded ||= end;
    if (!this.isPaused) this.handler.onReadable();
  }

  read(into: Uint8Array): number {
    if (this.isReadDone || (this.unread === 0 && !this.isEnded)) return -1;
    const length = Math.min(into.length, this.unread);
    this.unread -= length;
    if (this.unread === 0 && this.isEnded) {
      this.finished = true;
      this.isReadDone = true;
    }
    return length;
  }

  write(bytes: Uint8Array, end: boolean): number {
    const taken = Math.min(bytes.length, this.takes);
    this.takes -= taken;
    this.got += taken;
    if (end && taken === bytes.length) this.isWriteDone = true;
    return taken;
  }

  /** Its client takes so much more. */
  take(bytes: number): void {
    this.takes += bytes;
    this.handler.onWritable();
  }

  resetByClient(code: number): void {
    this.isReadDone = true;
    this.handler.onReset(code);
  }

  stopByClient(code: number): void {
    this.isWriteDone = true;
    this.handler.onStopSending(code);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (!this.isReadDone) this.handler.onReadable();
  }

  reset(code: number): void {
    this.resetWith = code;
    this.isWriteDone = true;
  }

  stopSending(code: number): void {
    this.stoppedWith = code;
    this.isReadDone = true;
  }
}

class FakeSession {
  readonly settings = { bufferSize: BUFFER };
  readonly query = new URLSearchParams('name=x');
  readonly opened: FakeStream[] = [];
  readonly datagrams: Uint8Array[] = [];
  /** Streams that its client lets be opened. */
  credit = 100;
  closedWith: number | null = null;
  /** What each of its streams to come takes at first. */
  takes = Number.POSITIVE_INFINITY;
  function!: SessionFunction;

  openStream(bidirectional: boolean): FakeStream | null {
    if (this.opened.length >= this.credit) return null;
    const stream = new FakeStream(bidirectional, false);
    stream.takes = this.takes;
    this.opened.push(stream);
    return stream;
  }

  sendDatagram(bytes: Uint8Array): void {
    this.datagrams.push(bytes);
  }

  close(code: number): void {
    this.closedWith ??= code;
  }

  /** Its client opens a stream. */
  begin(bidirectional = false): FakeStream {
    const stream = new FakeStream(bidirectional, true);
    this.function.onStream?.(stream as unknown as GatedStream);
    return stream;
  }

  allow(streams: number): void {
    this.credit += streams;
    this.function.onStreamsAvailable?.();
  }
}

/** Two sessions that are joined, and what was said between them. */
async function pair(links: [PeerLink, PeerLink] = localLink()) {
  const [ann, bob] = [new FakeSession(), new FakeSession()];
  const said: PeerMessage[] = [];
  for (const [i, session] of [ann, bob].entries()) {
    const made = new PeerFunction('pair', {
      join: (_session, _id, _name, found) => found(links[i], i === 0),
      leave() {},
    });
    session.function = made.open(session as unknown as HostSession);
    session.function.onOpen?.();
    const { onMessage } = links[i];
    links[i].onMessage = (message) => {
      said.push(message);
      onMessage(message);
    };
  }
  return { ann, bob, said };
}

test('a stream goes through, its end too, and an answer comes back', async () => {
  const { ann, bob } = await pair();
  const asked = ann.begin(true);
  asked.send(50_000, true);
  await settle();
  const [answered] = bob.opened;
  assert.deepEqual([answered.got, answered.isWriteDone, asked.isReadDone], [50_000, true, true]);
  answered.send(7, true);
  await settle();
  assert.deepEqual([asked.got, asked.isWriteDone], [7, true]);
});

test('a stream that the other allows not yet is not read, so that its client runs out of streams', async () => {
  const { ann, bob, said } = await pair();
  bob.credit = 0;
  const streams = Array.from({ length: 100 }, () => ann.begin());
  for (const stream of streams) stream.send(10, true);
  await settle();
  assert.ok(streams.every(({ unread, isReadDone }) => unread === 10 && !isReadDone));
  assert.ok(said.every(({ type }) => type === 'open'));
  bob.allow(60);
  await settle();
  assert.equal(bob.opened.filter(({ got, isWriteDone }) => got === 10 && isWriteDone).length, 60);
  bob.allow(40);
  await settle();
  assert.ok(streams.every(({ isReadDone }) => isReadDone));
});

test('streams that come and are reset before the other has them leave nothing behind', async () => {
  const { ann, bob } = await pair();
  bob.credit = 0;
  const streams = Array.from({ length: 50 }, (_, i) => ann.begin(i % 2 === 0));
  await settle();
  for (const stream of streams) stream.resetByClient(3);
  await settle();
  assert.ok(
    streams.every(
      ({ isWriteDone, resetWith, bidirectional }) => isWriteDone && resetWith === (bidirectional ? 3 : null),
    ),
  );
  bob.allow(100);
  await settle();
  assert.equal(bob.opened.length, 0);
});

test('who stops an answer before the other has the stream stops it there', async () => {
  const { ann, bob } = await pair();
  bob.credit = 0;
  const stream = ann.begin(true);
  await settle();
  stream.stopByClient(9);
  await settle();
  bob.allow(1);
  await settle();
  assert.equal(bob.opened[0].stoppedWith, 9);
});

test('all streams together have no more on the way than the session may hold, and one that is read goes on', async () => {
  const { ann, bob } = await pair();
  bob.takes = 0;
  const stalled = Array.from({ length: 40 }, () => ann.begin());
  for (const stream of stalled) stream.send(1_000_000);
  await settle();
  const sent = stalled.reduce((sum, { unread }) => sum + 1_000_000 - unread, 0);
  assert.ok(sent <= BUFFER + stalled.length * LEAST_UNDER_WAY, `${sent} bytes on the way`);
  assert.ok(sent >= BUFFER / 2);
  bob.takes = Number.POSITIVE_INFINITY;
  const read = ann.begin();
  read.send(300_000, true);
  await settle();
  assert.deepEqual([read.unread, bob.opened[40].got], [0, 300_000]);
  // Those that waited go on as they are read.
  for (const stream of bob.opened.slice(0, 40)) stream.take(Number.POSITIVE_INFINITY);
  await settle();
  assert.ok(stalled.every(({ unread }) => unread === 0));
});

test('bytes that are let go of give their room back: by a reset, or where nobody reads them any more', async () => {
  const { ann, bob } = await pair();
  bob.takes = 0;
  for (const end of ['reset', 'stop'] as const) {
    for (let i = 0; i < 30; i++) {
      const stream = ann.begin();
      stream.send(50_000);
      await settle();
      if (end === 'reset') stream.resetByClient(1);
      else bob.opened.at(-1)?.stopByClient(2);
      await settle();
      if (end === 'stop') assert.equal(stream.stoppedWith, 2);
    }
    bob.credit += 30;
  }
  const stream = ann.begin();
  stream.send(100_000);
  await settle();
  assert.ok(stream.unread <= 100_000 - BUFFER / 2, 'half of what there is, as at first');
});

test('where one is gone, or its thread, the other is told', async () => {
  const near = await pair();
  near.ann.function.onClose?.({ code: 0, reason: '', by: 'peer', clean: true });
  await settle();
  assert.equal(near.bob.closedWith, 96);
  const { port1, port2 } = new MessageChannel();
  const far = await pair([new PortLink(port1), new PortLink(port2)]);
  const stream = far.ann.begin();
  stream.send(5000, true);
  while (far.bob.opened[0]?.got !== 5000) await settle();
  port1.close();
  while (far.bob.closedWith === null) await settle();
  assert.equal(far.bob.closedWith, 96);
});

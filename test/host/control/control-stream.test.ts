import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROL_MAGIC, encodeControl } from '../../../src/control/frames.js';
import type { ParsedClientMessage } from '../../../src/control/messages.js';
import { Challenger } from '../../../src/host/control/challenger.js';
import { ControlSniffer, ControlStream, speaksControl } from '../../../src/host/control/control-stream.js';
import type { TransportStream } from '../../../src/host/transport.js';

/** A stream of a client's: what it sent, in pieces. */
class FakeStream {
  handler = { onReadable() {}, onWritable() {}, onReset() {}, onStopSending() {} };
  written: number[] = [];
  room = 1e9;
  finished = false;
  isReadDone = false;
  isWriteDone = false;

  constructor(readonly pieces: Uint8Array[]) {}

  get stream(): TransportStream {
    return this as unknown as TransportStream;
  }

  read(into: Uint8Array): number {
    const piece = this.pieces.shift();
    if (piece === undefined) return -1;
    const length = Math.min(into.length, piece.length);
    into.set(piece.subarray(0, length));
    if (length < piece.length) this.pieces.unshift(piece.subarray(length));
    return length;
  }

  write(bytes: Uint8Array, end: boolean): number {
    const taken = Math.min(bytes.length, this.room);
    for (const byte of bytes.subarray(0, taken)) this.written.push(byte);
    this.room -= taken;
    if (end && taken === bytes.length) this.isWriteDone = true;
    return taken;
  }

  reset(): void {}
}

function read(pieces: Uint8Array[]): { messages: ParsedClientMessage[]; faults: string[]; stream: FakeStream } {
  const stream = new FakeStream(pieces);
  const [messages, faults]: [ParsedClientMessage[], string[]] = [[], []];
  const control = new ControlStream(stream.stream, {
    onMessage: (message) => messages.push(message),
    onFault: (code) => faults.push(code),
    onEnd() {},
  });
  control.pump();
  return { messages, faults, stream };
}

const hello = encodeControl({ type: 'hello', version: 1 });

test('a message that is nested without end, or holds too much, is none', () => {
  const nested = (depth: number): Buffer => {
    const text = `{"type":"define","id":"a","endpoint":{"function":"a"},"receive":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  assert.equal(read([nested(20)]).messages.length, 1);
  for (const depth of [40, 5000, 30_000]) {
    const { messages, faults } = read([nested(depth)]);
    assert.deepEqual([messages.length, faults], [0, ['control-malformed']]);
  }
  const parameters = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
  const define = { type: 'define', id: 'a', endpoint: { function: 'a' } } as const;
  assert.equal(read([encodeControl({ ...define, parameters: parameters(1000) })]).messages.length, 1);
  assert.deepEqual(read([encodeControl({ ...define, parameters: parameters(1100) })]).faults, ['control-malformed']);
});

test('messages that come are handed on; what is none ends it, once', () => {
  assert.equal(read([hello, hello]).messages.length, 2);
  const broken = read([hello, encodeControl({ type: 'nothing' }), encodeControl({ type: 'nothing' }), hello]);
  assert.deepEqual([broken.messages.length, broken.faults], [1, ['control-malformed']]);
  assert.deepEqual(read([Uint8Array.of(255, 0, 0, 0)]).faults, ['control-too-large']);
});

test('a flood of messages ends it', () => {
  const flood = read(Array.from({ length: 60 }, () => encodeControl({ type: 'stats' })));
  assert.deepEqual(flood.faults, ['control-flood']);
  assert.ok(flood.messages.length <= 41);
});

test('what does not fit waits, and a client that never reads costs no more than so much', () => {
  const stream = new FakeStream([]);
  const control = new ControlStream(stream.stream, { onMessage() {}, onFault() {}, onEnd() {} });
  stream.room = 3;
  control.send({ type: 'passed', id: 'x' });
  assert.equal(stream.written.length, 3);
  stream.room = 1e9;
  stream.handler.onWritable();
  assert.deepEqual(stream.written, [...encodeControl({ type: 'passed', id: 'x' })]);
  stream.room = 0;
  for (let i = 0; i < 20_000; i++) control.send({ type: 'passed', id: 'a'.repeat(60) });
  stream.room = 1e9;
  stream.handler.onWritable();
  assert.ok(stream.written.length < 300_000, `${stream.written.length}`);
});

test('the first bytes tell a control stream from others, however they come', () => {
  for (const [bytes, isControl] of [
    [[...CONTROL_MAGIC, 1, 2], true],
    [[0x54, 0x47, 0x43, 0x32], false],
    [[1], false],
  ] as const) {
    for (const size of [1, 2, 4, 10]) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(Uint8Array.from(bytes.slice(at, at + size)));
      const stream = new FakeStream(pieces);
      const outcomes: (string | number[])[] = [];
      const sniffer = new ControlSniffer(
        stream.stream,
        () => outcomes.push('control'),
        (seen) => outcomes.push([...seen]),
      );
      sniffer.pump();
      assert.equal(outcomes.length, 1);
      if (isControl) assert.equal(outcomes[0], 'control');
      else assert.deepEqual(outcomes[0], bytes.slice(0, (outcomes[0] as number[]).length));
    }
  }
  assert.deepEqual([speaksControl('/f?tgc=1'), speaksControl('/f?tgc=0'), speaksControl('/f')], [true, false, false]);
});

test('a challenge is asked once at a time, answered once, and over in time', () => {
  const challenger = new Challenger(8, 10);
  assert.equal(challenger.take('x'), null);
  const { id } = challenger.ask(1000, 77);
  assert.equal(challenger.take('other'), null);
  assert.deepEqual(challenger.take(id), { id, deadline: 11_000, issuedAt: 77 });
  assert.equal(challenger.take(id), null);
  challenger.ask(1000, 77);
  assert.deepEqual(
    [challenger.isLate(10_999), challenger.isLate(11_000), challenger.isLate(11_001)],
    [false, true, false],
  );
  let nonce = 0;
  while (!challenger.isProof('id', nonce)) nonce++;
  assert.ok(nonce < 10_000);
});

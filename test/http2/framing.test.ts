import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Capsule, MAX_DATAGRAM, writeFields } from '../../src/http2/capsule.js';
import { CapsuleFraming } from '../../src/http2/capsule-framing.js';
import { TcpSessionError } from '../../src/http2/session-error.js';
import { WebSocketFraming } from '../../src/http2/websocket-framing.js';
import { encodeVarint } from '../../src/quic/varint.js';
import { FramingRecorder, maskedFrame } from '../support/framing.js';
import { fuzzRuns } from '../support/fuzz.js';

const BINARY = 0x82;
const FIN = 0x80;
const NOTHING = new Uint8Array(0);

/** A capsule, and what is to be found of it. */
const capsule = fc.oneof(
  fc.record({
    type: fc.constantFrom(Capsule.STREAM, Capsule.STREAM_FIN),
    fields: fc.tuple(fc.nat(2 ** 31)),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
  fc.record({
    type: fc.constantFrom(Capsule.DATAGRAM, Capsule.CLOSE_SESSION),
    fields: fc.constant([] as number[]),
    payload: fc.uint8Array({ maxLength: 200 }),
  }),
  fc.record({
    type: fc.constantFrom(Capsule.RESET_STREAM, Capsule.MAX_STREAM_DATA),
    fields: fc.tuple(fc.nat(1000), fc.nat(2 ** 31)),
    payload: fc.constant(NOTHING),
  }),
  // Padding, and a type that nobody knows: passed over, whatever their length.
  fc.record({
    type: fc.constantFrom(Capsule.PADDING, 0x3fff),
    fields: fc.constant([] as number[]),
    payload: fc.uint8Array({ minLength: 1, maxLength: 70_000, size: 'max' }),
  }),
);
type Made = typeof capsule extends fc.Arbitrary<infer T> ? T : never;
const cuts = fc.array(fc.nat(500), { maxLength: 20 });

function expected(made: readonly Made[]): unknown[] {
  const recorder = new FramingRecorder();
  for (const { type, fields, payload } of made) {
    if (type === Capsule.STREAM || type === Capsule.STREAM_FIN) {
      recorder.onStreamData(fields[0], payload, type === Capsule.STREAM_FIN);
    } else if (type !== Capsule.PADDING && type !== 0x3fff) {
      const value = new Uint8Array(64 + payload.length);
      const length = writeFields(value, 0, fields);
      value.set(payload, length);
      recorder.onCapsule(type, value.subarray(0, length + payload.length));
    }
  }
  return recorder.found;
}

function* parts(bytes: Uint8Array, cuts: readonly number[]): Iterable<Uint8Array> {
  let at = 0;
  for (const cut of cuts) {
    // Copies: masks are taken off in place.
    yield Uint8Array.from(bytes.subarray(at, at + cut));
    at += cut;
  }
  yield Uint8Array.from(bytes.subarray(at));
}

test('capsules over HTTP/2 are found again, however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(capsule, { maxLength: 8 }), cuts, (made, cut) => {
      const recorder = new FramingRecorder();
      const framing = new CapsuleFraming(recorder);
      const bytes = Buffer.concat(made.map(({ type, fields, payload }) => framing.encode(type, fields, payload)));
      for (const part of parts(bytes, cut)) framing.push(part);
      assert.deepEqual(recorder.found, expected(made));
    }),
    { numRuns: fuzzRuns(300) },
  );
});

test('capsules over WebSocket are found again, in whatever frames and pieces they come', () => {
  const mask = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255));
  fc.assert(
    fc.property(fc.array(fc.tuple(capsule, fc.array(fc.nat(100), { maxLength: 4 }), mask)), cuts, (made, cut) => {
      const recorder = new FramingRecorder();
      const framing = new WebSocketFraming(recorder);
      const frames: Uint8Array[] = [];
      for (const [{ type, fields, payload }, splits, key] of made) {
        const head = new Uint8Array(32);
        const length = writeFields(head, 0, [type, ...fields]);
        const message = Buffer.concat([head.subarray(0, length), payload]);
        const bits = [...parts(message, splits)];
        bits.forEach((bit, i) => {
          const opcode = (i === 0 ? 2 : 0) | (i === bits.length - 1 ? FIN : 0);
          frames.push(maskedFrame(opcode, bit, key));
        });
      }
      for (const part of parts(Buffer.concat(frames), cut)) framing.push(part);
      assert.deepEqual(recorder.found, expected(made.map(([one]) => one)));
    }),
    { numRuns: fuzzRuns(300) },
  );
});

test('a capsule that is read whole may be as long as its type allows, whatever length it announces', () => {
  const announced = Buffer.concat([encodeVarint(Capsule.DATAGRAM), encodeVarint(2 ** 40)]);
  const framing = new CapsuleFraming(new FramingRecorder());
  framing.push(announced);
  framing.push(new Uint8Array(MAX_DATAGRAM));
  assert.throws(() => framing.push(new Uint8Array(1)), isFault('too-big'));
});

function isFault(fault: string): (error: unknown) => boolean {
  return (error) => error instanceof TcpSessionError && error.fault === fault;
}

for (const { what, bytes, fault } of [
  // 0xfffffff2: the library took it for -14 and read the same bytes for ever, or outside of its buffer.
  { what: 'a length of 32 bits with its sign', bytes: longFrame(0xfffffff2n, MAX_DATAGRAM + 8), fault: 'too-big' },
  { what: 'a length of 64 bits', bytes: longFrame(2n ** 64n - 1n, MAX_DATAGRAM + 8), fault: 'too-big' },
  { what: 'reserved bits', bytes: maskedFrame(0xc2, NOTHING), fault: 'protocol' },
  { what: 'no mask', bytes: Uint8Array.of(BINARY, 2, 0, 0), fault: 'protocol' },
  { what: 'text', bytes: maskedFrame(0x81, Buffer.from('hello')), fault: 'unsupported' },
  { what: 'a long ping', bytes: maskedFrame(0x89, new Uint8Array(126)), fault: 'protocol' },
  { what: 'a ping in parts', bytes: maskedFrame(0x09, NOTHING), fault: 'protocol' },
  { what: 'an unknown opcode', bytes: maskedFrame(0x83, NOTHING), fault: 'protocol' },
  { what: 'a continuation of nothing', bytes: maskedFrame(0x80, NOTHING), fault: 'protocol' },
  {
    what: 'a message inside another',
    bytes: Buffer.concat([maskedFrame(0x02, Uint8Array.of(0)), maskedFrame(BINARY, NOTHING)]),
    fault: 'protocol',
  },
  { what: 'a message that ends within its type', bytes: maskedFrame(BINARY, Uint8Array.of(0x80)), fault: 'protocol' },
  {
    what: 'stream data without a stream',
    bytes: maskedFrame(BINARY, encodeVarint(Capsule.STREAM)),
    fault: 'protocol',
  },
]) {
  test(`WebSocket: ${what}`, () => {
    const framing = new WebSocketFraming(new FramingRecorder());
    assert.throws(() => framing.push(Uint8Array.from(bytes)), isFault(fault));
  });
}

/** A frame that announces `length` bytes, of which so many come; its message is a datagram. */
function longFrame(length: bigint, come: number): Uint8Array {
  const frame = Buffer.alloc(14 + come);
  frame[0] = BINARY;
  frame[1] = 0xff;
  frame.writeBigUInt64BE(length, 2);
  return frame;
}

test('WebSocket: pings are answered, an empty message means nothing, a close has its code and reason', () => {
  const recorder = new FramingRecorder();
  const framing = new WebSocketFraming(recorder);
  framing.push(maskedFrame(0x89, Buffer.from('are you there')));
  framing.push(maskedFrame(0x8a, NOTHING));
  framing.push(maskedFrame(BINARY, NOTHING));
  framing.push(maskedFrame(0x88, Buffer.from('\u0003\u00e89:gone: for good', 'latin1')));
  framing.push(maskedFrame(0x88, Buffer.from('\u0003\u00e9away', 'latin1')));
  framing.push(maskedFrame(0x88, NOTHING));
  assert.deepEqual(recorder.found, [
    ['reply', [0x8a, 13, ...Buffer.from('are you there')]],
    ['close', 9, 'gone: for good'],
    ['close', 1001, 'away'],
    ['close', 0, ''],
  ]);
});

test('WebSocket: what is written has the length its bytes need, and is not masked', () => {
  const framing = new WebSocketFraming(new FramingRecorder());
  for (const [length, head] of [
    [100, [BINARY, 101]],
    [1000, [BINARY, 126, 3, 233]],
    [70_000, [BINARY, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x71]],
  ] as const) {
    const frame = framing.encode(Capsule.DATAGRAM, [], new Uint8Array(length).fill(7));
    assert.deepEqual([...frame.subarray(0, head.length)], head);
    assert.equal(frame.length, head.length + 1 + length);
    assert.equal(frame.at(-1), 7);
  }
  assert.deepEqual([...framing.encodePing()], [0x89, 0]);
  assert.deepEqual([...framing.encodeClose(3, 'é'.repeat(100))].slice(0, 6), [0x88, 124, 0x03, 0xe8, 0x33, 0x3a]);
});

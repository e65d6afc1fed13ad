import { Capsule } from '../../src/http2/capsule.js';
import { CapsuleFraming } from '../../src/http2/capsule-framing.js';
import type { Framing, FramingEvents } from '../../src/http2/framing.js';
import { TcpSessionError } from '../../src/http2/session-error.js';
import { WebSocketFraming } from '../../src/http2/websocket-framing.js';
import { encodeVarint } from '../../src/quic/varint.js';
import { FramingRecorder, maskedFrame } from '../support/framing.js';
import { cutAlike, type FuzzTarget, outcome } from './target.js';

const PROTOCOL = [TcpSessionError];
const NOTHING = new Uint8Array(0);
const { encode } = CapsuleFraming.prototype;

function read(create: (events: FramingEvents) => Framing): (parts: Iterable<Uint8Array>) => unknown {
  return (parts) => {
    const recorder = new FramingRecorder();
    const framing = create(recorder);
    const end = outcome(() => {
      // Copies: masks are taken off in place.
      for (const part of parts) framing.push(Uint8Array.from(part));
    }, PROTOCOL);
    return [recorder.found, end];
  };
}

const capsules: readonly Uint8Array[] = [
  encode(Capsule.STREAM, [5], Buffer.from('hello')),
  encode(Capsule.STREAM_FIN, [70_000], NOTHING),
  encode(Capsule.DATAGRAM, [], Buffer.from('ping')),
  encode(Capsule.RESET_STREAM, [5, 300], NOTHING),
  encode(Capsule.PADDING, [], new Uint8Array(90)),
];

/** draft-ietf-webtrans-http2 section 6. */
export const tcpCapsules: FuzzTarget = {
  name: 'tcp-capsules',
  seeds: [Buffer.concat(capsules), capsules[0], capsules[3]],
  run: (bytes, cuts) =>
    cutAlike(
      bytes,
      cuts,
      read((events) => new CapsuleFraming(events)),
    ),
};

const message = Buffer.concat([encodeVarint(Capsule.STREAM_FIN), encodeVarint(5), Buffer.alloc(200, 'x')]);

/** RFC 6455 section 5. */
export const webSocket: FuzzTarget = {
  name: 'websocket',
  seeds: [
    maskedFrame(0x82, message),
    Buffer.concat([maskedFrame(0x02, message.subarray(0, 3)), maskedFrame(0x80, message.subarray(3))]),
    Buffer.concat([maskedFrame(0x89, Buffer.from('?')), maskedFrame(0x88, Buffer.from([3, 232, 55, 58]))]),
    maskedFrame(0x82, new Uint8Array(300)),
  ],
  run: (bytes, cuts) =>
    cutAlike(
      bytes,
      cuts,
      read((events) => new WebSocketFraming(events)),
    ),
};

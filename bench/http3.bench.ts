/**
 * What the HTTP/3 layer does for a request and for a stream's bytes, against the plain way: field sections (QPACK) against
 * JSON of the same, requests checked, frames and capsules cut from a stream against copying its bytes. Ratios above 1: ours is
 * that much faster.
 */
import { Capsule, CapsuleReader } from '../src/http3/capsule-reader.js';
import { Frame, FrameReader, KNOWN_FRAMES } from '../src/http3/frame-reader.js';
import { concatBytes, encodeFrame } from '../src/http3/frame-writer.js';
import { parseRequest } from '../src/http3/message.js';
import { decodeFieldSection, encodeFieldSection, type HeaderField } from '../src/http3/qpack/field-section.js';
import { type Pair, printRatios, sink } from './support/ratios.js';

/** What Chromium opens a session with. */
const fields: HeaderField[] = [
  [':method', 'CONNECT'],
  [':scheme', 'https'],
  [':authority', 'host.example.com:4433'],
  [':path', '/chat?room=12'],
  [':protocol', 'webtransport'],
  ['origin', 'https://example.com'],
  ['sec-webtransport-http3-draft02', '1'],
  ['user-agent', 'Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36'],
];
const section = encodeFieldSection(fields);
const json = JSON.stringify(fields);
const MOST = 16_384;
/** A stream of 16 frames of a kilobyte, as packets bring it. */
const PACKET = 1200;
const inPackets = (stream: Uint8Array): Uint8Array[] =>
  Array.from({ length: Math.ceil(stream.length / PACKET) }, (_, i) => stream.subarray(i * PACKET, (i + 1) * PACKET));
const payload = new Uint8Array(1024);
const frames = inPackets(concatBytes(...Array.from({ length: 16 }, () => encodeFrame(Frame.DATA, payload))));
const capsules = inPackets(concatBytes(...Array.from({ length: 16 }, () => encodeFrame(Capsule.DATAGRAM, payload))));

const room = new Uint8Array(PACKET);
const copied = (packets: readonly Uint8Array[]) => (): void => {
  for (const packet of packets) {
    room.set(packet);
    sink.sum += packet.length;
  }
};

function sections(): Pair[] {
  return [
    {
      name: `a field section of ${fields.length} lines is read (${section.length} bytes)`,
      ours: () => void decodeFieldSection(section, MOST),
      against: `JSON.parse (${json.length} bytes)`,
      baseline: () => void JSON.parse(json),
    },
    {
      name: 'the same is written',
      ours: () => void encodeFieldSection(fields),
      against: 'JSON.stringify',
      baseline: () => void JSON.stringify(fields),
    },
    {
      name: 'a request is checked (RFC 9114 section 4.3)',
      ours: () => void parseRequest(fields),
      against: 'a Map of it',
      baseline: () => void new Map(fields),
    },
  ];
}

function streams(): Pair[] {
  const count = (bytes: Uint8Array): void => {
    sink.sum += bytes.length;
  };
  const frameReader = new FrameReader({ onData: count, onFrame: () => {} }, MOST, KNOWN_FRAMES);
  const capsuleReader = new CapsuleReader((_type, value) => count(value));
  return [
    {
      name: '16 DATA frames of a kilobyte, in packets',
      ours: () => {
        for (const packet of frames) frameReader.push(packet);
      },
      against: 'copying the bytes',
      baseline: copied(frames),
    },
    {
      name: '16 capsules of a kilobyte, in packets',
      ours: () => {
        for (const packet of capsules) capsuleReader.push(packet);
      },
      against: 'copying the bytes',
      baseline: copied(capsules),
    },
  ];
}

await printRatios([...sections(), ...streams()]);

import assert from 'node:assert/strict';
import { Capsule, CapsuleReader, decodeClose, encodeClose } from '../../src/http3/capsule-reader.js';
import { H3ConnectionError, H3StreamError } from '../../src/http3/errors.js';
import { Frame, FrameReader, KNOWN_FRAMES } from '../../src/http3/frame-reader.js';
import { concatBytes, encodeFrame } from '../../src/http3/frame-writer.js';
import { parseRequest, parseResponse } from '../../src/http3/message.js';
import { decodeFieldSection, encodeFieldSection, type HeaderField } from '../../src/http3/qpack/field-section.js';
import { decodeSettings, encodeSettings } from '../../src/http3/settings.js';
import { cutAlike, type FuzzTarget, outcome } from './target.js';

const PROTOCOL = [H3ConnectionError, H3StreamError];
const MOST = 1000;

const request: HeaderField[] = [
  [':method', 'CONNECT'],
  [':scheme', 'https'],
  [':authority', 'example.com'],
  [':path', '/chat?a=b'],
  [':protocol', 'webtransport'],
  ['origin', 'https://example.com'],
];
const sections = [request, [[':status', '200']], [['x', 'ÿ'.repeat(3)]]].map((fields) =>
  encodeFieldSection(fields as HeaderField[]),
);
const settings = encodeSettings(
  new Map([
    [0x06, 4096],
    [0x08, 1],
    [0x33, 1],
    [0x2b603742, 1],
  ] as [number, number][]),
);
const close = encodeFrame(Capsule.CLOSE_WEBTRANSPORT_SESSION, encodeClose(7, 'done'));

function framesOf(parts: Iterable<Uint8Array>): unknown {
  const found: unknown[] = [];
  const data: number[] = [];
  const reader = new FrameReader(
    {
      onData: (bytes) => void data.push(...bytes),
      onFrame(type, payload) {
        const what = (): unknown => {
          if (type === Frame.SETTINGS) return decodeSettings(payload);
          if (type !== Frame.HEADERS) return [...payload];
          const fields = decodeFieldSection(payload, MOST);
          return outcome(() => parseRequest(fields), PROTOCOL) instanceof Error ? parseResponse(fields) : fields;
        };
        found.push(type, data.splice(0), outcome(what, PROTOCOL));
      },
    },
    MOST,
    KNOWN_FRAMES,
  );
  const end = outcome(() => {
    for (const part of parts) reader.push(part);
    return reader.atBoundary;
  }, PROTOCOL);
  return [found, data, end];
}

/** RFC 9114 section 7: a request's or a control stream's bytes, with what is in their frames. */
export const frames: FuzzTarget = {
  name: 'http3-frames',
  seeds: [
    concatBytes(encodeFrame(Frame.HEADERS, sections[0]), encodeFrame(Frame.DATA, close)),
    concatBytes(encodeFrame(Frame.SETTINGS, settings), encodeFrame(Frame.GOAWAY, Uint8Array.of(4))),
    concatBytes(encodeFrame(0x21, new Uint8Array(5)), encodeFrame(Frame.HEADERS, sections[1])),
  ],
  run: (bytes, cuts) => cutAlike(bytes, cuts, framesOf),
};

/** RFC 9204 section 4.5: what is read is written and read again. */
export const qpack: FuzzTarget = {
  name: 'qpack',
  seeds: sections,
  run(bytes) {
    const fields = outcome(() => decodeFieldSection(bytes, MOST), PROTOCOL);
    if (fields instanceof Error) return;
    assert.ok(fields.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0) <= MOST);
    assert.deepEqual(decodeFieldSection(encodeFieldSection(fields), MOST), fields);
  },
};

/** RFC 9297 section 3.2. */
export const capsules: FuzzTarget = {
  name: 'capsules',
  seeds: [concatBytes(encodeFrame(0x17, new Uint8Array(9)), close), encodeFrame(Capsule.DATAGRAM, new Uint8Array(20))],
  run: (bytes, cuts) =>
    cutAlike(bytes, cuts, (parts) => {
      const found: unknown[] = [];
      const reader = new CapsuleReader((type, value) => {
        const isClose = type === Capsule.CLOSE_WEBTRANSPORT_SESSION;
        found.push(type, isClose ? outcome(() => decodeClose(value), PROTOCOL) : [...value]);
      });
      const end = outcome(() => {
        for (const part of parts) reader.push(part);
        return reader.atBoundary;
      }, PROTOCOL);
      return [found, end];
    }),
};

/** RFC 9114 section 7.2.4. */
export const settingsFrames: FuzzTarget = {
  name: 'settings',
  seeds: [settings],
  run(bytes) {
    const decoded = outcome(() => decodeSettings(bytes), PROTOCOL);
    if (!(decoded instanceof Error)) assert.ok(decoded !== null);
  },
};

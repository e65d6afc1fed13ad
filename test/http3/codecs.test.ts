import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Capsule, CapsuleReader, decodeClose, encodeClose } from '../../src/http3/capsule-reader.js';
import { fromHttp3Code, H3ConnectionError, H3Error, H3StreamError, toHttp3Code } from '../../src/http3/errors.js';
import { Frame, FrameReader } from '../../src/http3/frame-reader.js';
import { concatBytes, encodeFrame } from '../../src/http3/frame-writer.js';
import { parseRequest, parseResponse } from '../../src/http3/message.js';
import { decodeFieldSection, encodeFieldSection, type HeaderField } from '../../src/http3/qpack/field-section.js';
import { huffmanDecode, huffmanEncode } from '../../src/http3/qpack/huffman.js';
import { decodeSettings, encodeSettings } from '../../src/http3/settings.js';
import { fuzzRuns } from '../support/fuzz.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Runs `parse` on hostile bytes: it may refuse them with a code of the RFC and in no other way. */
function onlyProtocolErrors(parse: () => void): void {
  try {
    parse();
  } catch (error) {
    assert.ok(error instanceof H3ConnectionError || error instanceof H3StreamError, String(error));
  }
}

test('Huffman: the examples of RFC 7541 appendix C', () => {
  const examples: [string, string][] = [
    ['www.example.com', 'f1e3c2e5f23a6ba0ab90f4ff'],
    ['no-cache', 'a8eb10649cbf'],
    ['custom-value', '25a849e95bb8e8b4bf'],
    ['Mon, 21 Oct 2013 20:13:21 GMT', 'd07abe941054d444a8200595040b8166e082a62d1bff'],
    [
      'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
      '94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
    ],
  ];
  for (const [text, coded] of examples) {
    assert.equal(Buffer.from(huffmanEncode(Buffer.from(text))).toString('hex'), coded);
    assert.equal(Buffer.from(huffmanDecode(hex(coded)) as Uint8Array).toString(), text);
  }
});

test('Huffman: any bytes survive, wrong padding and EOS do not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.deepEqual(huffmanDecode(huffmanEncode(bytes)), bytes);
    }),
    { numRuns: 2000 },
  );
  assert.equal(huffmanDecode(hex('ffffffff')), null, 'EOS');
  assert.equal(huffmanDecode(hex('f1e3c2e5f23a6ba0ab90f400')), null, 'zero padding');
  assert.equal(huffmanDecode(hex('a8eb10649cbfff')), null, 'a byte of padding');
});

test('QPACK: the static example of RFC 9204 appendix B.1', () => {
  const fields = decodeFieldSection(hex('0000 510b 2f69 6e64 6578 2e68 746d 6c'), 1000);
  assert.deepEqual(fields, [[':path', '/index.html']]);
});

test('QPACK: what is encoded is decoded', () => {
  const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
  const value = fc.stringMatching(/^[ -~]{0,60}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
      assert.deepEqual(decodeFieldSection(encodeFieldSection(fields), 1e6), fields);
    }),
    { numRuns: 2000 },
  );
  const request: HeaderField[] = [
    [':method', 'CONNECT'],
    [':scheme', 'https'],
    [':path', '/'],
  ];
  assert.equal(encodeFieldSection(request).length, 5, 'static entries take a byte each');
});

test('QPACK: dynamic references, oversize and hostile bytes are refused by the RFC', () => {
  const refused = ['0100 c0', '0000 80', '0000 10', '0000 ff ff ff ff ff ff ff 7f', '0000 27 ff', '0000 ff 40'];
  for (const section of refused) {
    assert.throws(
      () => decodeFieldSection(hex(section), 1000),
      (error: H3ConnectionError) => error.code === H3Error.QPACK_DECOMPRESSION_FAILED,
      section,
    );
  }
  const large = encodeFieldSection([['a', 'x'.repeat(2000)]]);
  assert.throws(() => decodeFieldSection(large, 1000), H3StreamError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => onlyProtocolErrors(() => decodeFieldSection(bytes, 500))),
    { numRuns: fuzzRuns(100_000) },
  );
});

test('frames: cut anywhere they come out the same', () => {
  const frame = fc.tuple(fc.constantFrom(Frame.DATA, Frame.HEADERS, 0x21, 0x1f5), fc.uint8Array({ maxLength: 100 }));
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(900), { maxLength: 10 }), (frames, cuts) => {
      const bytes = concatBytes(...frames.map(([type, payload]) => encodeFrame(type, payload)));
      const data: number[] = [];
      const others: [number, number[]][] = [];
      const reader = new FrameReader(
        { onData: (part) => data.push(...part), onFrame: (type, payload) => others.push([type, [...payload]]) },
        1000,
        new Set([Frame.DATA, Frame.HEADERS]),
      );
      let from = 0;
      for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
        const to = Math.min(Math.max(cut, from), bytes.length);
        reader.push(bytes.subarray(from, to));
        from = to;
      }
      assert.deepEqual(
        data,
        frames.flatMap(([type, payload]) => (type === Frame.DATA ? [...payload] : [])),
      );
      assert.deepEqual(
        others,
        frames.filter(([type]) => type === Frame.HEADERS).map(([type, payload]) => [type, [...payload]]),
      );
      assert.equal(reader.atBoundary, true);
    }),
    { numRuns: 1000 },
  );
});

test('frames: HTTP/2 types and oversize are refused, other bytes never hang or throw', () => {
  const make = () =>
    new FrameReader({ onData() {}, onFrame() {} }, 1000, new Set([Frame.DATA, Frame.HEADERS, Frame.SETTINGS]));
  for (const type of [2, 6, 8, 9]) {
    assert.throws(
      () => make().push(encodeFrame(type, new Uint8Array(1))),
      (error: H3ConnectionError) => error.code === H3Error.FRAME_UNEXPECTED,
    );
  }
  assert.throws(
    () => make().push(encodeFrame(Frame.HEADERS, new Uint8Array(1001))),
    (error: H3ConnectionError) => error.code === H3Error.EXCESSIVE_LOAD,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => onlyProtocolErrors(() => make().push(bytes))),
    { numRuns: fuzzRuns(100_000) },
  );
});

test('capsules: cut anywhere they come out the same; unknown ones are passed over', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 50 }),
      fc.nat(200),
      fc.nat(0xffffffff),
      fc.string(),
      (bytes, cut, code, text) => {
        const stream = concatBytes(
          encodeFrame(0x1234, bytes),
          encodeFrame(Capsule.DATAGRAM, bytes),
          encodeClose(code, text),
        );
        const got: [number, Uint8Array][] = [];
        const reader = new CapsuleReader((type, value) => got.push([type, value]));
        reader.push(stream.subarray(0, cut));
        reader.push(stream.subarray(cut));
        assert.deepEqual(
          got.map(([type]) => type),
          [Capsule.DATAGRAM, Capsule.CLOSE_WEBTRANSPORT_SESSION],
        );
        assert.deepEqual(got[0][1], bytes);
        assert.deepEqual(decodeClose(got[1][1]), { code, reason: Buffer.from(text).toString() });
        assert.equal(reader.atBoundary, true);
      },
    ),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
      onlyProtocolErrors(() =>
        new CapsuleReader((type, value) => {
          if (type === Capsule.CLOSE_WEBTRANSPORT_SESSION) decodeClose(value);
        }).push(bytes),
      ),
    ),
    { numRuns: fuzzRuns(100_000) },
  );
});

test('a close reason is cut to 1024 bytes between characters', () => {
  const reason = decodeClose(encodeClose(1, 'ü'.repeat(600)).subarray(4)).reason;
  assert.equal(reason, 'ü'.repeat(512));
});

test('settings: encoded and decoded; twice, of HTTP/2 or cut short they are refused', () => {
  const settings = new Map([
    [1, 0],
    [0x33, 1],
    [0xc671706a, 16],
  ]);
  assert.deepEqual(decodeSettings(encodeSettings(settings)), settings);
  const refused: [string, number][] = [
    ['0201', H3Error.SETTINGS_ERROR],
    ['01000100', H3Error.SETTINGS_ERROR],
    ['3302', H3Error.SETTINGS_ERROR],
    ['01', H3Error.FRAME_ERROR],
    ['0140', H3Error.FRAME_ERROR],
  ];
  for (const [bytes, code] of refused) {
    assert.throws(
      () => decodeSettings(hex(bytes)),
      (error: H3ConnectionError) => error.code === code,
      bytes,
    );
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => onlyProtocolErrors(() => decodeSettings(bytes))),
    { numRuns: fuzzRuns(50_000) },
  );
});

test('stream error codes map both ways over all 32 bits and step over reserved points', () => {
  assert.equal(toHttp3Code(0), 0x52e4a40fa8db);
  assert.equal(toHttp3Code(0xffffffff), 0x52e5ac983162);
  fc.assert(
    fc.property(fc.nat(0xffffffff), (code) => {
      const mapped = toHttp3Code(code);
      assert.notEqual((mapped - 0x21) % 0x1f, 0);
      assert.equal(fromHttp3Code(mapped), code);
    }),
  );
  assert.equal(fromHttp3Code(0x107), 0);
});

const connect: HeaderField[] = [
  [':method', 'CONNECT'],
  [':protocol', 'webtransport'],
  [':scheme', 'https'],
  [':authority', 'example.com'],
  [':path', '/echo'],
];

test('requests: a proper one is taken, each malformed one is H3_MESSAGE_ERROR', () => {
  assert.equal(parseRequest([...connect, ['origin', 'https://a'], ['x', '1'], ['x', '2']]).headers.x, '1, 2');
  const malformed: HeaderField[][] = [
    [],
    connect.filter(([name]) => name !== ':path'),
    connect.filter(([name]) => name !== ':authority'),
    [...connect, [':path', '/again']],
    [...connect, [':status', '200']],
    [['x', '1'], ...connect],
    [...connect, ['X-Upper', '1']],
    [...connect, ['connection', 'close']],
    [...connect, ['te', 'gzip']],
    [...connect, ['x', 'a\r\nb: c']],
    [...connect, ['host', 'other']],
    [
      [':method', 'GET'],
      [':protocol', 'webtransport'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
    ],
    [
      [':method', 'CONNECT'],
      [':authority', 'a'],
      [':path', '/'],
    ],
  ];
  for (const fields of malformed) {
    assert.throws(
      () => parseRequest(fields),
      (error: H3StreamError) => error.code === H3Error.MESSAGE_ERROR,
      JSON.stringify(fields),
    );
  }
  assert.throws(() => parseResponse([[':status', 'ok']]), H3StreamError);
  assert.equal(parseResponse([[':status', '204']]).status, 204);
});

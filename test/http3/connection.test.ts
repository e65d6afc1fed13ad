import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeClose } from '../../src/http3/capsule-reader.js';
import { H3Connection, type H3Handler } from '../../src/http3/connection.js';
import { H3Error } from '../../src/http3/errors.js';
import { Frame } from '../../src/http3/frame-reader.js';
import { concatBytes, encodeFrame } from '../../src/http3/frame-writer.js';
import { encodeFieldSection, type HeaderField } from '../../src/http3/qpack/field-section.js';
import { type SessionClose, SILENT_SESSION, type WebTransportSession } from '../../src/http3/session.js';
import { encodeSettings, ownSettings } from '../../src/http3/settings.js';
import type { QuicCloseInfo, QuicConnection } from '../../src/quic/engine.js';
import { encodeVarint } from '../../src/quic/varint.js';
import { QuicPair } from '../support/quic-pair.js';

const CONNECT: HeaderField[] = [
  [':method', 'CONNECT'],
  [':protocol', 'webtransport'],
  [':scheme', 'https'],
  [':authority', 'a'],
  [':path', '/x'],
];
const settings = encodeFrame(Frame.SETTINGS, encodeSettings(ownSettings(1, 1000, false)));
const headers = (fields: HeaderField[]) => encodeFrame(Frame.HEADERS, encodeFieldSection(fields));

/** A server with HTTP/3 and a client that speaks raw QUIC, to say what no proper client says. */
async function rawClient(handler: Partial<H3Handler> = {}) {
  const pair = await QuicPair.create({
    onConnection: (connection) => {
      new H3Connection(connection, {
        onSession: (session) => session.accept(),
        onRequest: (request) => request.respond(404),
        onReady() {},
        onClosed() {},
        ...handler,
      });
    },
  });
  const closed: QuicCloseInfo[] = [];
  const resets = new Map<number, number>();
  const quic: QuicConnection = pair.connect({
    onClosed: (info) => closed.push(info),
    onStreamReadable: (id) => {
      while (quic.streamRead(id, new Uint8Array(4096)) > 0);
      if (quic.streamErrorCode !== 0 && !resets.has(id)) resets.set(id, quic.streamErrorCode);
    },
  });
  pair.run();
  const send = (bidirectional: boolean, bytes: Uint8Array, end = false): number => {
    const id = quic.openStream(bidirectional);
    quic.streamWrite(id, bytes, end);
    pair.run();
    return id;
  };
  return { pair, quic, closed, resets, send };
}

const uni = (type: number, ...parts: Uint8Array[]) => concatBytes(encodeVarint(type), ...parts);

const fatal: [string, number, (client: Awaited<ReturnType<typeof rawClient>>) => void][] = [
  [
    'a control stream without SETTINGS first',
    H3Error.MISSING_SETTINGS,
    ({ send }) => {
      send(false, uni(0, encodeFrame(Frame.GOAWAY, encodeVarint(0))));
    },
  ],
  [
    'a second control stream',
    H3Error.STREAM_CREATION_ERROR,
    ({ send }) => {
      send(false, uni(0, settings));
      send(false, uni(0, settings));
    },
  ],
  ['SETTINGS twice', H3Error.FRAME_UNEXPECTED, ({ send }) => void send(false, uni(0, settings, settings))],
  [
    'DATA on the control stream',
    H3Error.FRAME_UNEXPECTED,
    ({ send }) => {
      send(false, uni(0, settings, encodeFrame(Frame.DATA, new Uint8Array(3))));
    },
  ],
  [
    'the end of the control stream',
    H3Error.CLOSED_CRITICAL_STREAM,
    ({ send }) => void send(false, uni(0, settings), true),
  ],
  [
    'a malformed GOAWAY',
    H3Error.FRAME_ERROR,
    ({ send }) => {
      send(false, uni(0, settings, encodeFrame(Frame.GOAWAY, new Uint8Array(0))));
    },
  ],
  [
    'a push stream of a client',
    H3Error.STREAM_CREATION_ERROR,
    ({ send }) => void send(false, uni(1, new Uint8Array(4))),
  ],
  [
    'QPACK instructions for a table of size 0',
    H3Error.QPACK_ENCODER_STREAM_ERROR,
    ({ send }) => {
      send(false, uni(2, new Uint8Array([0xc1])));
    },
  ],
  [
    'an acknowledgment on the QPACK decoder stream',
    H3Error.QPACK_DECODER_STREAM_ERROR,
    ({ send }) => {
      send(false, uni(3, new Uint8Array([0x81])));
    },
  ],
  [
    'DATA before HEADERS',
    H3Error.FRAME_UNEXPECTED,
    ({ send }) => {
      send(true, encodeFrame(Frame.DATA, new Uint8Array(3)));
    },
  ],
  ['SETTINGS on a request', H3Error.FRAME_UNEXPECTED, ({ send }) => void send(true, settings)],
  [
    'a frame type of HTTP/2',
    H3Error.FRAME_UNEXPECTED,
    ({ send }) => {
      send(true, encodeFrame(0x06, new Uint8Array(8)));
    },
  ],
  [
    'a request that ends inside a frame',
    H3Error.FRAME_ERROR,
    ({ send }) => {
      send(true, headers(CONNECT).subarray(0, 5), true);
    },
  ],
  [
    'QPACK that refers to a dynamic table',
    H3Error.QPACK_DECOMPRESSION_FAILED,
    ({ send }) => {
      send(true, encodeFrame(Frame.HEADERS, new Uint8Array([0, 0, 0x80])));
    },
  ],
  [
    'a frame of headers beyond all measure',
    H3Error.EXCESSIVE_LOAD,
    ({ send }) => {
      send(true, concatBytes(encodeVarint(Frame.HEADERS), encodeVarint(1_000_000)));
    },
  ],
  [
    'a WebTransport stream for a session that no request can be',
    H3Error.ID_ERROR,
    ({ send }) => {
      send(false, uni(0x54, encodeVarint(3)));
    },
  ],
  [
    'an empty datagram',
    H3Error.DATAGRAM_ERROR,
    ({ quic, pair }) => {
      quic.datagramSend(new Uint8Array(0));
      pair.run();
    },
  ],
];

for (const [what, code, act] of fatal) {
  test(`${what} ends the connection with 0x${code.toString(16)}`, async () => {
    const client = await rawClient();
    act(client);
    assert.deepEqual(
      client.closed.map((info) => [info.by, info.application, info.code]),
      [['peer', true, code]],
    );
  });
}

test('a malformed request resets its stream, the connection lives', async () => {
  const client = await rawClient();
  const id = client.send(true, headers(CONNECT.filter(([name]) => name !== ':path')));
  assert.equal(client.resets.get(id), H3Error.MESSAGE_ERROR);
  assert.deepEqual(client.closed, []);
});

test('unknown stream types, frame types and settings are passed over', async () => {
  let ready = 0;
  const client = await rawClient({ onReady: () => ready++ });
  client.send(false, uni(0x21, new Uint8Array(100)));
  client.send(
    false,
    uni(
      0,
      encodeFrame(Frame.SETTINGS, encodeSettings(new Map([[0x1f * 7 + 0x21, 9]]))),
      encodeFrame(0x21, new Uint8Array(5)),
    ),
  );
  assert.deepEqual(client.closed, []);
  assert.equal(ready, 1);
});

test('an ordinary request gets an ordinary answer', async () => {
  let text = '';
  const { pair, quic } = await rawClient({
    onRequest: (request) => request.respond(200, [], Buffer.from(`${request.head.method} ${request.head.path}`)),
  });
  quic.handler = {
    ...quic.handler,
    onStreamReadable: (id) => {
      const chunk = new Uint8Array(4096);
      for (let n = quic.streamRead(id, chunk); n > 0; n = quic.streamRead(id, chunk)) {
        text += Buffer.from(chunk.subarray(0, n)).toString('latin1');
      }
    },
  };
  const id = quic.openStream(true);
  const get: HeaderField[] = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':authority', 'a'],
    [':path', '/healthz'],
  ];
  quic.streamWrite(id, headers(get), true);
  pair.run();
  assert.match(text, /GET \/healthz$/);
});

test('streams and datagrams that overtake their CONNECT are held, bounded, and delivered', async () => {
  const got: string[] = [];
  const sessions: WebTransportSession[] = [];
  const { pair, quic, send, resets } = await rawClient({
    onSession: (session) => {
      sessions.push(session);
      session.handler = {
        ...SILENT_SESSION,
        onDatagram: (bytes, start, end) => got.push(`datagram ${Buffer.from(bytes.subarray(start, end))}`),
        onStream: (stream) => {
          stream.handler = {
            ...stream.handler,
            onReadable: () => {
              const chunk = new Uint8Array(100);
              const length = stream.read(chunk);
              if (length > 0) got.push(`stream ${Buffer.from(chunk.subarray(0, length))}`);
            },
          };
        },
      };
      session.accept();
    },
  });
  const id = quic.openStream(true);
  quic.datagramSend(concatBytes(encodeVarint(id / 4), Buffer.from('early')));
  for (let i = 0; i < 40; i++) send(false, uni(0x54, encodeVarint(id), Buffer.from(`${i}`)));
  await pair.runUntil(() => true);
  assert.equal(got.length, 0);
  quic.streamWrite(id, headers(CONNECT), false);
  pair.run();
  assert.equal(sessions.length, 1);
  assert.deepEqual(
    got.filter((what) => what.startsWith('datagram')),
    ['datagram early'],
  );
  assert.equal(got.filter((what) => what.startsWith('stream')).length, 32);
  assert.equal(resets.size, 0);
});

test('the end of the CONNECT stream closes a session with code 0; a close capsule behind a reset stays unheard', async () => {
  const closes: SessionClose[] = [];
  const { quic, pair } = await rawClient({
    onSession: (session) => {
      session.handler = { ...SILENT_SESSION, onClosed: (close) => closes.push(close) };
      session.accept();
    },
  });
  const first = quic.openStream(true);
  quic.streamWrite(first, headers(CONNECT), true);
  const second = quic.openStream(true);
  quic.streamWrite(second, headers(CONNECT), false);
  pair.run();
  quic.streamReset(second, 0x10c);
  pair.run();
  const third = quic.openStream(true);
  quic.streamWrite(third, concatBytes(headers(CONNECT), encodeFrame(Frame.DATA, encodeClose(5, 'x'))), true);
  pair.run();
  assert.deepEqual(closes, [
    { code: 0, reason: '', by: 'peer', clean: true },
    { code: 0, reason: '', by: 'peer', clean: false },
    { code: 5, reason: 'x', by: 'peer', clean: true },
  ]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeClose } from '../../src/http3/capsule-reader.js';
import { H3Connection, type H3Handler } from '../../src/http3/connection.js';
import { H3Error } from '../../src/http3/errors.js';
import { Frame } from '../../src/http3/frame-reader.js';
import { concatBytes, encodeFrame } from '../../src/http3/frame-writer.js';
import { encodeFieldSection, type HeaderField } from '../../src/http3/qpack/field-section.js';
import {
  type SessionClose,
  type SessionHandler,
  SILENT_SESSION,
  type WebTransportSession,
} from '../../src/http3/session.js';
import { encodeSettings, ownSettings } from '../../src/http3/settings.js';
import type { WebTransportStream } from '../../src/http3/stream.js';
import type { QuicCloseInfo, QuicConnection } from '../../src/quic/engine.js';
import type { QuicTransportOptions } from '../../src/quic/options.js';
import { encodeVarint } from '../../src/quic/varint.js';
import { QuicPair } from '../support/quic-pair.js';

const HEAD = { method: 'CONNECT', scheme: 'https', authority: 'a', path: '/x', protocol: 'webtransport', headers: {} };
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

/** A client and a server with HTTP/3, joined by one session. */
async function joined(
  onServer: (session: WebTransportSession) => void,
  handler: Partial<SessionHandler> = {},
  transport: Partial<QuicTransportOptions> = {},
) {
  const serverConnections: H3Connection[] = [];
  const pair = await QuicPair.create({
    transport,
    onConnection: (connection) => {
      serverConnections.push(
        new H3Connection(connection, { onSession: onServer, onRequest() {}, onReady() {}, onClosed() {} }),
      );
    },
  });
  let session!: WebTransportSession;
  const statuses: number[] = [];
  const quic = pair.connect();
  const http3: H3Connection = new H3Connection(quic, {
    onSession() {},
    onRequest() {},
    onReady: () => {
      session = http3.openSession({ ...HEAD, headers: {} }, [], (status) =>
        statuses.push(status),
      ) as WebTransportSession;
      session.handler = { ...SILENT_SESSION, ...handler };
    },
    onClosed() {},
  });
  pair.run();
  return { pair, session, statuses, http3, server: serverConnections[0] };
}

test('a session opens, echoes, and closes with code and reason', async () => {
  const closes: SessionClose[] = [];
  const got: string[] = [];
  const { pair, session, statuses } = await joined(
    (server) => {
      server.handler = {
        ...SILENT_SESSION,
        onDatagram: (bytes, start, end) => server.sendDatagramInPlace(bytes, start, end),
        onClosed: (close) => closes.push(close),
      };
      server.accept();
    },
    { onDatagram: (bytes, start, end) => got.push(Buffer.from(bytes.subarray(start, end)).toString()) },
  );
  assert.deepEqual(statuses, [200]);
  session.sendDatagram(Buffer.from('hello'));
  pair.run();
  assert.deepEqual(got, ['hello']);
  session.close(4_000_000_000, 'done');
  pair.run();
  assert.deepEqual(closes, [{ code: 4_000_000_000, reason: 'done', by: 'peer', clean: true }]);
});

test('a refused session tells its status', async () => {
  const closes: SessionClose[] = [];
  const { statuses } = await joined((server) => server.reject(403), { onClosed: (close) => closes.push(close) });
  assert.deepEqual(statuses, [403]);
  assert.equal(closes[0].reason, 'refused with status 403');
});

test('stream codes are mapped both ways', async () => {
  const codes: string[] = [];
  let served!: WebTransportStream;
  const { pair, session } = await joined((server) => {
    server.handler = {
      ...SILENT_SESSION,
      onStream: (stream) => {
        served = stream;
        stream.handler = {
          onReadable: () => void stream.read(new Uint8Array(10)),
          onWritable() {},
          onReset: (code) => codes.push(`reset ${code}`),
          onStopSending: (code) => codes.push(`stop ${code}`),
        };
      },
    };
    server.accept();
  });
  const stream = session.openStream(true) as WebTransportStream;
  stream.write(new Uint8Array(3), false);
  pair.run();
  served.write(new Uint8Array(1), false);
  stream.stopSending(255);
  stream.reset(0xdeadbeef);
  await pair.runUntil(() => codes.length === 2, 1000);
  assert.deepEqual(codes.sort(), ['reset 3735928559', 'stop 255']);
  assert.equal(session.streams.size, 0);
});

test('two sessions of a connection keep apart', async () => {
  const served: WebTransportSession[] = [];
  const got: [number, number][] = [];
  const { pair, session, http3 } = await joined((server) => {
    served.push(server);
    server.handler = { ...SILENT_SESSION, onDatagram: (_bytes, start, end) => got.push([server.id, end - start]) };
    server.accept();
  });
  const second = http3.openSession({ ...HEAD, headers: {} }, [], () => {}) as WebTransportSession;
  pair.run();
  session.sendDatagram(new Uint8Array(1));
  second.sendDatagram(new Uint8Array(2));
  session.sendDatagram(new Uint8Array(3));
  pair.run();
  assert.deepEqual(got, [
    [session.id, 1],
    [second.id, 2],
    [session.id, 3],
  ]);
  session.close();
  pair.run();
  assert.deepEqual(
    served.map(({ state }) => state),
    ['closed', 'open'],
  );
});

test('more sessions than allowed are refused with 429', async () => {
  const pair = await QuicPair.create({
    onConnection: (connection) => {
      const handler = {
        onSession: (s: WebTransportSession) => s.accept(),
        onRequest() {},
        onReady() {},
        onClosed() {},
      };
      new H3Connection(connection, handler, { maxSessions: 1, maxFieldSectionSize: 1000, maxEarly: 1 });
    },
  });
  const statuses: number[] = [];
  const http3: H3Connection = new H3Connection(pair.connect(), {
    onSession() {},
    onRequest() {},
    onReady: () => {
      for (let i = 0; i < 2; i++) http3.openSession({ ...HEAD, headers: {} }, [], (status) => statuses.push(status));
    },
    onClosed() {},
  });
  pair.run();
  assert.deepEqual(statuses.sort(), [200, 429]);
});

test('draining tells sessions and refuses new ones', async () => {
  let draining = 0;
  const statuses: number[] = [];
  const { pair, http3, server } = await joined((session) => session.accept(), { onDraining: () => draining++ });
  server.drain();
  pair.run();
  assert.ok(draining >= 1);
  assert.equal(http3.peerDraining, true);
  const late = http3.openSession({ ...HEAD, headers: {} }, [], (status) => statuses.push(status));
  pair.run();
  assert.deepEqual(statuses, []);
  assert.equal(late?.state, 'closed');
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

test('a thousand streams leave nothing behind', async () => {
  let read = 0;
  const served: WebTransportSession[] = [];
  const { pair, session } = await joined((server) => {
    served.push(server);
    server.handler = {
      ...SILENT_SESSION,
      onStream: (stream) => {
        stream.handler = {
          ...stream.handler,
          onReadable: () => {
            const chunk = new Uint8Array(100);
            while (!stream.isReadDone && stream.read(chunk) >= 0);
            if (stream.finished) {
              read++;
              stream.write(new Uint8Array(0), true);
            }
          },
        };
      },
    };
    server.accept();
  });
  for (let i = 0; i < 1000; i++) {
    let stream = session.openStream(true);
    while (stream === null) {
      pair.run();
      stream = session.openStream(true);
    }
    const own = stream;
    own.handler = {
      ...own.handler,
      onReadable: () => {
        while (!own.isReadDone && own.read(new Uint8Array(10)) >= 0);
      },
    };
    own.write(new Uint8Array(10), true);
    if (i % 50 === 0) pair.run();
  }
  await pair.runUntil(() => read === 1000);
  assert.equal(session.streams.size, 0);
  assert.equal(served[0].streams.size, 0);
});

test('a session that is not read does not stall another one on its connection', async () => {
  // Fewer and smaller streams than by default, the connection's window as it is.
  const window = 20_000;
  const transport = { maxBidirectionalStreams: 12, maxUnidirectionalStreams: 13, initialStreamWindow: window };
  let received = 0;
  const chunk = new Uint8Array(65536);
  const { pair, session, http3 } = await joined(
    (server) => {
      const reads = server.head.path === '/read';
      server.handler = {
        ...SILENT_SESSION,
        onStream: (stream) => {
          if (!reads) {
            stream.pause();
            return;
          }
          stream.handler = {
            ...stream.handler,
            onReadable: () => {
              for (let length = stream.read(chunk); length > 0; length = stream.read(chunk)) received += length;
            },
          };
        },
      };
      server.accept();
    },
    {},
    transport,
  );
  const reading = http3.openSession({ ...HEAD, path: '/read', headers: {} }, [], () => {}) as WebTransportSession;
  pair.run();
  // As much as flow control takes, on nearly all streams there are; two are left for the other session.
  const open = (owner: WebTransportSession, bidirectional: boolean, bytes: number): { left: number } => {
    const state = { left: bytes };
    const stream = owner.openStream(bidirectional) as WebTransportStream;
    const write = () => {
      while (state.left > 0) {
        const taken = stream.write(new Uint8Array(Math.min(state.left, 65536)), false);
        state.left -= taken;
        if (taken === 0) return;
      }
    };
    stream.handler = { ...stream.handler, onWritable: write };
    write();
    return state;
  };
  const held = Array.from({ length: 18 }, (_, i) => open(session, i % 2 === 0, 10_000_000));
  await pair.runUntil(() => held.every(({ left }) => left <= 10_000_000 - window + 64), 20_000);
  const total = 2_000_000;
  open(reading, true, total);
  await pair.runUntil(() => received === total, 20_000);
  assert.ok(
    held.every(({ left }) => left > 9_900_000),
    'and the other one is held',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { H3Connection } from '../../src/http3/connection.js';
import {
  type SessionClose,
  type SessionHandler,
  SILENT_SESSION,
  type WebTransportSession,
} from '../../src/http3/session.js';
import type { WebTransportStream } from '../../src/http3/stream.js';
import type { QuicTransportOptions } from '../../src/quic/options.js';
import { QuicPair } from '../support/quic-pair.js';

const HEAD = { method: 'CONNECT', scheme: 'https', authority: 'a', path: '/x', protocol: 'webtransport', headers: {} };

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

test('a hundred refused sessions leave room for more on their connection', async () => {
  const { pair, http3 } = await joined((server) => server.reject(403));
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const next = http3.openSession({ ...HEAD, headers: {} }, [], () => refused++);
    assert.notEqual(next, null, `after ${i}`);
    pair.run();
  }
  assert.equal(refused, 300);
});

test('a session that its client closes before the answer is taken back', async () => {
  const asked: WebTransportSession[] = [];
  const { pair, session, statuses } = await joined((server) => asked.push(server));
  session.close();
  pair.run();
  assert.equal(asked[0].state, 'closed');
  asked[0].accept();
  pair.run();
  assert.deepEqual(statuses, []);
});

test('a session that its client closes as the answer comes ends on both sides', async () => {
  const closes: SessionClose[] = [];
  const { pair, http3 } = await joined((server) => {
    server.handler = { ...SILENT_SESSION, onClosed: (close) => closes.push(close) };
    server.accept();
  });
  const next = http3.openSession({ ...HEAD, headers: {} }, [], () => next?.close());
  pair.run();
  assert.equal(next?.state, 'closed');
  assert.equal(closes.length, 1);
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

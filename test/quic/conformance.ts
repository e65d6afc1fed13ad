import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type QuicCloseInfo, STREAM_ABORTED, STREAM_BLOCKED } from '../../src/quic/engine.js';
import { type PairOptions, QuicPair, SILENT } from '../support/quic-pair.js';

/**
 * What every QUIC engine behind our interface has to do. `create` makes its endpoints; call this from a test file of
 * the engine.
 */
export function conformance(name: string, createServer?: PairOptions['createServer']): void {
  const make = (options: PairOptions = {}) =>
    QuicPair.create({ ...options, ...(createServer === undefined ? {} : { createServer }) });

  test(`${name}: a handshake establishes both sides`, async () => {
    const pair = await make();
    let established = 0;
    const connection = pair.connect({ onEstablished: () => established++ });
    pair.run();
    assert.equal(established, 1);
    assert.equal(connection.isEstablished, true);
    assert.equal(pair.accepted.length, 1);
    assert.equal(pair.accepted[0].isEstablished, true);
    assert.equal(pair.server.counters.handshakes, 0);
    assert.equal(connection.peerCertificates().length, 1);
  });

  test(`${name}: datagrams arrive whole and in both directions`, async () => {
    const got: string[] = [];
    const pair = await make({
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onDatagram: (bytes, length) => {
            got.push(Buffer.from(bytes.subarray(0, length)).toString());
            connection.datagramSend(Buffer.from('pong'));
          },
        };
      },
    });
    const connection = pair.connect({
      onDatagram: (bytes, length) => got.push(Buffer.from(bytes.subarray(0, length)).toString()),
    });
    pair.run();
    assert.equal(connection.datagramSend(Buffer.from('ping')), 'sent');
    pair.run();
    assert.deepEqual(got, ['ping', 'pong']);
  });

  test(`${name}: a datagram too long is refused, the longest allowed one goes`, async () => {
    const pair = await make();
    const connection = pair.connect();
    pair.run();
    const max = connection.datagramMaxLength();
    assert.ok(max > 1000);
    assert.equal(connection.datagramSend(new Uint8Array(max + 1)), 'too-big');
    assert.equal(connection.datagramSend(new Uint8Array(max)), 'sent');
  });

  test(`${name}: streams carry bytes and their end, past the congestion window`, async () => {
    const total = 1_000_000;
    let received = 0;
    let finished = false;
    const chunk = new Uint8Array(65536);
    const pair = await make({
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onStreamReadable: (id) => {
            for (;;) {
              const length = connection.streamRead(id, chunk);
              if (length < 0) return;
              received += length;
              if (connection.streamFinished) {
                finished = true;
                return;
              }
            }
          },
        };
      },
    });
    let offered = 0;
    const bytes = new Uint8Array(total);
    const send = (id: number): void => {
      const taken = connection.streamWrite(id, bytes.subarray(offered), true);
      if (taken > 0) offered += taken;
    };
    const connection = pair.connect({ onStreamWritable: send });
    pair.run();
    send(connection.openStream(true));
    await pair.runUntil(() => finished);
    assert.equal(received, total);
  });

  test(`${name}: what is not read holds the sender`, async () => {
    const pair = await make({
      transport: { initialStreamWindow: 10_000 },
      onConnection: (connection) => {
        connection.handler = { ...SILENT, onStreamReadable: (id) => connection.streamPause(id) };
      },
    });
    const connection = pair.connect();
    pair.run();
    const id = connection.openStream(false);
    let taken = 0;
    for (let i = 0; i < 20; i++) {
      const step = connection.streamWrite(id, new Uint8Array(10_000), false);
      if (step > 0) taken += step;
      pair.run();
    }
    assert.equal(taken, 10_000);
  });

  test(`${name}: a paused stream is silent, and heard again when resumed`, async () => {
    let readable = 0;
    const pair = await make({
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onStreamReadable: (id) => {
            readable++;
            if (readable === 1) connection.streamPause(id);
            else connection.streamRead(id, new Uint8Array(100));
          },
        };
      },
    });
    const connection = pair.connect();
    pair.run();
    const id = connection.openStream(false);
    for (let i = 0; i < 3; i++) {
      connection.streamWrite(id, new Uint8Array(10), false);
      pair.run();
    }
    assert.equal(readable, 1);
    pair.accepted[0].streamResume(id);
    pair.run();
    assert.equal(readable, 2);
  });

  test(`${name}: new streams are heard while another is paused`, async () => {
    const seen = new Set<number>();
    const pair = await make({
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onStreamReadable: (id) => {
            seen.add(id);
            connection.streamPause(id);
          },
        };
      },
    });
    const connection = pair.connect();
    pair.run();
    for (let i = 0; i < 20; i++) {
      connection.streamWrite(connection.openStream(i % 2 === 0), new Uint8Array(10), false);
      pair.run();
    }
    await pair.runUntil(() => seen.size === 20, 1000);
  });

  test(`${name}: a reset reaches the reader with its code`, async () => {
    const codes: number[] = [];
    const pair = await make({
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onStreamReadable: (id) => {
            const length = connection.streamRead(id, new Uint8Array(10));
            if (length === STREAM_ABORTED) codes.push(connection.streamErrorCode);
          },
        };
      },
    });
    const connection = pair.connect();
    pair.run();
    const id = connection.openStream(true);
    connection.streamReset(id, 0x52e4a40fa8e0);
    pair.run();
    assert.deepEqual(codes, [0x52e4a40fa8e0]);
  });

  test(`${name}: STOP_SENDING reaches an idle writer with its code`, async () => {
    const codes: number[] = [];
    const pair = await make();
    const connection = pair.connect({ onStreamStopped: (_id, code) => codes.push(code) });
    pair.run();
    const id = connection.openStream(true);
    connection.streamWrite(id, new Uint8Array(10), false);
    pair.run();
    pair.accepted[0].streamStop(id, 77);
    await pair.runUntil(() => codes.length > 0, 1000);
    assert.deepEqual(codes, [77]);
  });

  test(`${name}: openStream keeps to the peer's limit and tells when there is more`, async () => {
    let available = 0;
    const pair = await make({
      transport: { maxUnidirectionalStreams: 4 },
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onStreamReadable: (id) => {
            while (connection.streamRead(id, new Uint8Array(10)) > 0);
          },
        };
      },
    });
    const connection = pair.connect({ onStreamsAvailable: () => available++ });
    pair.run();
    const ids = [0, 1, 2, 3, 4].map(() => connection.openStream(false));
    assert.deepEqual(ids, [2, 6, 10, 14, -1]);
    for (const id of ids.slice(0, 4)) connection.streamWrite(id, new Uint8Array(1), true);
    await pair.runUntil(() => available > 0, 2000);
    assert.equal(connection.openStream(false), 18);
  });

  test(`${name}: an application close carries code and reason`, async () => {
    const closed: QuicCloseInfo[] = [];
    const pair = await make({
      onConnection: (connection) => {
        connection.handler = { ...SILENT, onClosed: (info) => closed.push(info) };
      },
    });
    const own: QuicCloseInfo[] = [];
    const connection = pair.connect({ onClosed: (info) => own.push(info) });
    pair.run();
    connection.close(true, 0x107, 'enough');
    pair.run();
    assert.deepEqual(closed, [{ by: 'peer', application: true, code: 0x107, reason: 'enough' }]);
    assert.deepEqual(own, [{ by: 'local', application: true, code: 0x107, reason: 'enough' }]);
    assert.equal(connection.streamRead(0, new Uint8Array(1)) < 0, true);
    assert.notEqual(connection.streamWrite(0, new Uint8Array(1), false), STREAM_BLOCKED);
    assert.equal(connection.datagramSend(new Uint8Array(1)), 'unsupported');
  });

  test(`${name}: a silent connection ends by its idle timeout`, async () => {
    const closed: string[] = [];
    const pair = await make({ transport: { idleTimeoutMs: 100 } });
    pair.connect({ onClosed: (info) => closed.push(info.by) });
    pair.run();
    await pair.runUntil(() => closed.length > 0 && pair.server.counters.connections === 0, 3000);
    assert.deepEqual(closed, ['idle-timeout']);
  });

  test(`${name}: keep-alive keeps a silent connection`, async () => {
    const closed: string[] = [];
    const pair = await make({ transport: { idleTimeoutMs: 200 }, clientTransport: { keepAliveMs: 50 } });
    pair.connect({ onClosed: (info) => closed.push(info.by) });
    pair.run();
    const end = performance.now() + 600;
    await pair.runUntil(() => performance.now() > end, 3000);
    assert.deepEqual(closed, []);
  });

  test(`${name}: a handshake that gets no answer ends in time`, async () => {
    let dropped = false;
    const pair = await make({
      server: { handshakeTimeoutMs: 100 },
      network: (sent) => {
        if (sent.from === 'server') dropped = true;
        return sent.from === 'server' ? null : sent;
      },
    });
    pair.connect();
    pair.run(3);
    assert.equal(pair.server.counters.connections, 1);
    await pair.runUntil(() => pair.server.counters.connections === 0, 3000);
    assert.equal(pair.server.counters.handshakeTimeouts, 1);
    assert.equal(dropped, true);
  });

  test(`${name}: lost packets are sent again`, async () => {
    let count = 0;
    let received = 0;
    const chunk = new Uint8Array(65536);
    const pair = await make({
      network: (sent) => (count++ % 5 === 4 ? null : sent),
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT,
          onStreamReadable: (id) => {
            for (let length = connection.streamRead(id, chunk); length > 0; length = connection.streamRead(id, chunk)) {
              received += length;
            }
          },
        };
      },
    });
    let offered = 0;
    const bytes = new Uint8Array(50_000);
    const send = (id: number): void => {
      const taken = connection.streamWrite(id, bytes.subarray(offered), true);
      if (taken > 0) offered += taken;
    };
    const connection = pair.connect({ onStreamWritable: send, onEstablished: () => send(connection.openStream(true)) });
    await pair.runUntil(() => received === 50_000, 10_000);
  });
}

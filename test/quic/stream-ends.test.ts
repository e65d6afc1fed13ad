import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type QuicConnection, STREAM_BLOCKED } from '../../src/quic/engine.js';
import { type PairOptions, QuicPair, SILENT } from '../support/quic-pair.js';

const NOTHING = new Uint8Array(0);
const buffer = new Uint8Array(65_536);

/** Reads all streams of a connection and notes which came to their end, and how many bytes came. */
function gather(connection: QuicConnection): { ended: Set<number>; bytes: () => number } {
  const ended = new Set<number>();
  let bytes = 0;
  connection.handler = {
    ...SILENT,
    onStreamReadable(id) {
      for (let length = connection.streamRead(id, buffer); length >= 0; length = connection.streamRead(id, buffer)) {
        bytes += length;
        if (connection.streamFinished) {
          ended.add(id);
          return;
        }
      }
    },
  };
  return { ended, bytes: () => bytes };
}

/** Ends that could not be said are said when they may. */
function endsWhenWritable(connection: QuicConnection): void {
  connection.handler = {
    ...SILENT,
    onStreamWritable(id) {
      connection.streamWrite(id, NOTHING, true);
    },
  };
}

/** A pair that is connected, the server's side of it, and what the client receives. */
async function joined(options: PairOptions = {}) {
  const pair = await QuicPair.create(options);
  const client = pair.connect();
  const received = gather(client);
  pair.run();
  const [server] = pair.accepted;
  endsWhenWritable(server);
  return { pair, server, received };
}

/** One with a stream of the server whose bytes are on their way. */
async function underWay(options: PairOptions = {}) {
  const { pair, server, received } = await joined(options);
  const id = server.openStream(false);
  server.streamWrite(id, new Uint8Array(300), false);
  pair.server.flush(performance.now());
  return { pair, server, id, received };
}

test('an end whose packet is lost arrives though the bytes before it are acknowledged', async () => {
  const { pair, server, id, received } = await underWay();
  const bytes = pair.wire.splice(0);
  assert.equal(server.streamWrite(id, NOTHING, true), 0);
  assert.ok(pair.wire.splice(0).length > 0, 'it left at once, and is lost');
  pair.wire.push(...bytes);
  await pair.runUntil(() => received.ended.has(id));
});

test('where packets are lost an end waits for what is before it, and is sent again like any other', async () => {
  let isCut = false;
  const { pair, server, id, received } = await underWay({
    network: (sent) => (isCut && sent.from === 'server' ? null : sent),
  });
  isCut = true;
  pair.run(1);
  isCut = false;
  // Acknowledgements of what follows tell quiche of the loss.
  const other = server.openStream(false);
  await pair.runUntil(() => {
    server.streamWrite(other, new Uint8Array(100), false);
    return server.stats().packetsLost > 0;
  });
  server.streamWrite(id, new Uint8Array(300), false);
  pair.server.flush(performance.now());
  assert.equal(server.streamWrite(id, NOTHING, true), STREAM_BLOCKED);
  await pair.runUntil(() => server.stats().packetsSent > 0 && received.bytes() >= 600);
  const before = server.stats().packetsSent;
  isCut = true;
  // What is said of the end from now on is lost for longer than it is repeated.
  const until = performance.now() + 400;
  await pair.runUntil(() => performance.now() > until);
  assert.ok(server.stats().packetsSent > before, 'it was said');
  assert.equal(received.ended.size, 0);
  isCut = false;
  await pair.runUntil(() => received.ended.has(id));
});

test('on a connection that is never quiet ends are said as soon as there is room', async () => {
  const { pair, server, received } = await joined();
  const busy = server.openStream(false);
  const ids = Array.from({ length: 50 }, () => server.openStream(false));
  // Ten times the congestion window at first, and something always under way.
  for (let i = 0; i < 300; i++) {
    server.streamWrite(busy, new Uint8Array(500), false);
    const id = ids[i];
    if (id !== undefined) server.streamWrite(id, new Uint8Array(20), false);
    pair.server.flush(performance.now());
    if (i > 0) pair.run(1);
  }
  server.streamWrite(busy, new Uint8Array(1000), false);
  pair.server.flush(performance.now());
  const now = ids.map((id) => server.streamWrite(id, NOTHING, true)).filter((taken) => taken !== STREAM_BLOCKED);
  assert.ok(now.length >= 10, `${now.length} of ${ids.length} at once`);
  pair.run();
  assert.deepEqual(
    [...received.ended].sort((a, b) => a - b),
    ids,
  );
});

test('an end goes with the last bytes where those have not left', async () => {
  const { pair, server, received } = await joined();
  const id = server.openStream(false);
  server.streamWrite(id, new Uint8Array(100), false);
  assert.equal(server.streamWrite(id, NOTHING, true), 0);
  pair.server.flush(performance.now());
  assert.equal(pair.wire.filter(({ from }) => from === 'server').length, 1, 'one packet for both');
  pair.run();
  assert.deepEqual([[...received.ended], received.bytes()], [[id], 100]);
});

test('an end that finds no room waits for it, and goes before what others have to say', async () => {
  const { pair, server, received } = await joined();
  const [small, large] = [server.openStream(false), server.openStream(false)];
  server.streamWrite(small, new Uint8Array(100), false);
  pair.server.flush(performance.now());
  // All that the window takes, and more that waits for it.
  while (server.streamWrite(large, new Uint8Array(4000), false) === 4000);
  pair.server.flush(performance.now());
  assert.equal(server.streamWrite(small, NOTHING, true), STREAM_BLOCKED);
  await pair.runUntil(() => received.ended.has(small));
});

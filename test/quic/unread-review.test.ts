import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuicCloseInfo, QuicConnection } from '../../src/quic/engine.js';
import { EXCESSIVE_LOAD } from '../../src/quic/errors.js';
import { DEFAULT_TRANSPORT } from '../../src/quic/options.js';
import type { UnreadBytes } from '../../src/quic/unread-bytes.js';
import { QuicPair, type Sent, SILENT } from '../support/quic-pair.js';

const WINDOW = 128 * 1024;
const chunk = new Uint8Array(16 * 1024);

/** Writes what is granted on so many streams, as long as it is taken. */
async function fill(pair: QuicPair, connection: QuicConnection, streams: number, bytes = WINDOW): Promise<number[]> {
  const ids = Array.from({ length: streams }, () => connection.openStream(false));
  const left = new Map(ids.map((id) => [id, bytes]));
  await pair.runUntil(() => {
    for (const [id, rest] of left) {
      const taken = connection.streamWrite(id, chunk.subarray(0, Math.min(rest, chunk.length)), false);
      if (taken > 0) left.set(id, rest - taken);
      if (rest - Math.max(taken, 0) === 0) left.delete(id);
    }
    return left.size === 0;
  });
  pair.run();
  return ids;
}

/** Whether `bytes` is `expected` but for what packets have beside data. */
function isAbout(bytes: number, expected: number): boolean {
  return Math.abs(bytes - expected) < expected * 0.03 + 65_536;
}

/** A server that reads nothing but what `reads` says, and holds what is left. */
async function pairThat(network?: (sent: Sent) => Sent | null): Promise<QuicPair> {
  return await QuicPair.create({
    ...(network === undefined ? {} : { network }),
    onConnection: (connection) => {
      connection.handler = { ...SILENT, onStreamReadable: (id) => connection.streamPause(id) };
    },
  });
}

test('what came and was not read is told, and what is read is not', async () => {
  const pair = await pairThat();
  const connection = pair.connect();
  pair.run();
  const ids = await fill(pair, connection, 20);
  assert.ok(isAbout(pair.server.counters.unreadBytes, 20 * WINDOW), String(pair.server.counters.unreadBytes));
  pair.server.reviewUnread();
  assert.ok(isAbout(pair.server.counters.unreadBytes, 20 * WINDOW), 'nothing is corrected while streams wait');
  const [accepted] = pair.accepted;
  const into = new Uint8Array(65536);
  for (const id of ids.slice(5)) while (accepted.streamRead(id, into) > 0);
  assert.ok(isAbout(pair.server.counters.unreadBytes, 5 * WINDOW), String(pair.server.counters.unreadBytes));
});

test('those that hold most go, with H3_EXCESSIVE_LOAD, and none that holds a stream’s worth', async () => {
  const pair = await pairThat();
  const closed: (QuicCloseInfo | null)[] = [];
  const connections = [2, 30, 1, 20].map((_, i) => {
    closed.push(null);
    return pair.connect({
      onClosed: (info) => {
        closed[i] = info;
      },
    });
  });
  pair.run();
  for (const [i, streams] of [2, 30, 1, 20].entries()) {
    await fill(pair, connections[i], streams, streams === 1 ? WINDOW / 2 : WINDOW);
  }
  pair.server.boundUnread(40 * WINDOW);
  pair.run();
  assert.deepEqual(
    closed.map((info) => info?.code ?? null),
    [null, EXCESSIVE_LOAD, null, null],
  );
  assert.ok(isAbout(pair.server.counters.unreadBytes, 22.5 * WINDOW), 'those that go are not counted');
  pair.server.boundUnread(0);
  pair.run();
  assert.deepEqual(
    closed.map((info) => info?.code ?? null),
    [EXCESSIVE_LOAD, EXCESSIVE_LOAD, null, EXCESSIVE_LOAD],
  );
  assert.equal(pair.server.counters.unreadClosed, 3);
});

test('bytes behind a gap are held though nobody can read them, and count', async () => {
  let losing = false;
  const pair = await pairThat((sent) => (losing && sent.from === 'client' ? null : sent));
  const connection = pair.connect();
  pair.run();
  const ids = Array.from({ length: 40 }, () => connection.openStream(false));
  // The first bytes of all but the last get lost, and are not sent again while no timer runs.
  losing = true;
  for (const id of ids.slice(0, -1)) connection.streamWrite(id, chunk.subarray(0, 20), false);
  pair.client.flush(performance.now());
  pair.wire.splice(0);
  losing = false;
  for (const id of ids) connection.streamWrite(id, chunk.subarray(0, 40), false);
  pair.client.flush(performance.now());
  for (const { packet } of pair.wire.splice(0)) pair.server.receive(packet, '127.0.0.1', 1111, performance.now());
  pair.server.flush(performance.now());
  const { streams } = pair.accepted[0] as unknown as { streams: { countOpen(most: number): number } };
  assert.equal(streams.countOpen(103), 40);
});

test('what a reset took along is forgotten, by and by', async () => {
  const pair = await pairThat();
  const connection = pair.connect();
  pair.run();
  const ids = await fill(pair, connection, 20);
  for (const id of ids) connection.streamReset(id, 7);
  pair.run();
  const [accepted] = pair.accepted;
  for (const id of ids) {
    accepted.streamResume(id);
    accepted.streamRead(id, new Uint8Array(10));
  }
  pair.run();
  assert.ok(pair.server.counters.unreadBytes > 10 * WINDOW, 'nobody told of it');
  pair.server.reviewUnread();
  assert.equal(pair.server.counters.unreadBytes, 0);
});

test('an upload that always waits a little is never taken for more than its window', async () => {
  const pair = await pairThat();
  const connection = pair.connect();
  pair.run();
  await fill(pair, connection, 1);
  const { unread } = pair.accepted[0] as unknown as { unread: UnreadBytes };
  // What a day of retransmissions would add.
  for (let i = 0; i < 40_000; i++) unread.came(1350);
  assert.ok(pair.server.counters.unreadBytes > 50e6);
  for (let second = 0; second < 10; second++) pair.server.reviewUnread();
  assert.equal(pair.server.counters.unreadBytes, DEFAULT_TRANSPORT.maxStreamWindow);
});

test('a client that reads much and writes little holds nothing', async () => {
  const pair = await QuicPair.create();
  const connection = pair.connect();
  pair.run();
  const [accepted] = pair.accepted;
  const id = accepted.openStream(false);
  const into = new Uint8Array(65536);
  connection.handler = {
    ...SILENT,
    onStreamReadable: (readable) => {
      while (connection.streamRead(readable, into) > 0);
    },
  };
  let left = 200;
  await pair.runUntil(() => {
    if (accepted.streamWrite(id, chunk, false) > 0) left--;
    return left === 0;
  });
  assert.ok(pair.server.counters.unreadBytes < 16_384, String(pair.server.counters.unreadBytes));
});

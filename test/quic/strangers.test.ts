import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { CLIENT, QuicPair } from '../support/quic-pair.js';

/**
 * A first packet that fails as it is read: nothing in it can be, and behind it is another that is none. What can't be read alone
 * leaves a handshake that waits for more.
 */
function garbageInitial(dcid: Uint8Array, token: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = [0xc0, 0, 0, 0, 1, dcid.length, ...dcid, 8, ...randomBytes(8)];
  const packet = new Uint8Array(1200).fill(0xff);
  packet.set([...head, 0x40 | (token.length >> 8), token.length & 0xff, ...token, 0x44, 0]);
  return packet;
}

test('what begins no handshake at all is asked to prove its address soon, and who comes beside it gets in', async () => {
  const pair = await QuicPair.create();
  const { counters } = pair.server;
  for (let i = 0; i < 1000; i++) {
    pair.server.receive(garbageInitial(new Uint8Array(8).fill(i % 50)), CLIENT.address, 999, 1000 + i / 100);
    pair.server.flush(1000 + i / 100);
  }
  assert.equal(counters.handshakes, 0, 'each failed at once');
  pair.wire.length = 0;
  assert.ok(counters.accepted < 100, `${counters.accepted} were taken on`);
  assert.ok(counters.retriesSent > 900);
  const connection = pair.connect();
  pair.run();
  assert.equal(connection.isEstablished, true);
});

test('who proved its address and then begins what are no handshakes is refused, and others are not', async () => {
  const handshakes = { retryAbove: 0, max: 1000, maxPerPrefix: 20, evictAfterMs: 1000 };
  let address = '192.0.2.1';
  const pair = await QuicPair.create({ server: { handshakes }, clientAddress: () => address });
  const { counters } = pair.server;
  const packetOf = (dcid: Uint8Array, token?: Uint8Array): void => {
    pair.server.receive(garbageInitial(dcid, token), address, CLIENT.port, 1000);
    pair.server.flush(1000);
  };
  packetOf(new Uint8Array(8));
  const [{ packet: retry }] = pair.wire.splice(0);
  // RFC 9000 section 17.2.5: destination, source, token, and 16 bytes of integrity.
  const scidAt = 6 + retry[5] + 1;
  const dcid = retry.slice(scidAt, scidAt + retry[scidAt - 1]);
  const token = retry.slice(scidAt + dcid.length, -16);
  for (let i = 0; i < 500; i++) packetOf(dcid, token);
  for (let flush = 0; flush < 500; flush++) pair.server.flush(1000);
  assert.equal(counters.handshakes, 0, 'each failed at once');
  assert.ok(counters.accepted <= 21, `${counters.accepted} were taken on`);
  assert.ok(counters.refusedPrefix >= 400, `${counters.refusedPrefix}`);
  pair.wire.length = 0;
  address = '198.51.100.1';
  const connection = pair.connect();
  pair.run();
  assert.equal(connection.isEstablished, true);
});

test('under a flood answers to strangers have their share, and no more', async () => {
  const pair = await QuicPair.create({
    server: { handshakes: { retryAbove: 0, max: 10, maxPerPrefix: 10, evictAfterMs: 1000 } },
  });
  const garbage = pair.firstPacket().fill(0xff, 100);
  const { counters } = pair.server;
  for (let i = 0; i < 8000; i++) {
    pair.server.receive(garbage.slice(), CLIENT.address, 999, 100_000);
    pair.server.flush(100_000);
  }
  for (let flush = 0; flush < 100; flush++) pair.server.flush(100_000);
  assert.equal(counters.retriesSent, 5000);
  assert.equal(counters.answersHeld, 3000);
  // Of a version that nobody speaks.
  garbage.fill(0x0a, 1, 5);
  for (const [now, negotiations] of [
    [100_000, 0],
    [100_001, 5],
  ]) {
    for (let i = 0; i < 20; i++) pair.server.receive(garbage.slice(), CLIENT.address, 999, now);
    for (let flush = 0; flush < 20; flush++) pair.server.flush(now);
    assert.equal(counters.versionNegotiationsSent, negotiations);
  }
});

test('a handshake that is flooded is not looked at any more, and costs no other', async () => {
  const pair = await QuicPair.create();
  const first = pair.firstPacket();
  pair.server.receive(first.slice(), CLIENT.address, CLIENT.port, 0);
  pair.server.flush(0);
  const { counters } = pair.server;
  assert.equal(counters.handshakes, 1);
  const garbage = first.slice().fill(0xff, 100);
  for (let i = 0; i < 1000; i++) {
    pair.server.receive(garbage.slice(), CLIENT.address, CLIENT.port, i / 100);
    if (i % 10 === 0) pair.server.flush(i / 100);
  }
  for (let i = 0; i < 200; i++) pair.server.flush(20);
  assert.equal(counters.handshakeFloods, 1001 - 128);
  pair.wire.length = 0;
  const connection = pair.connect();
  pair.run();
  assert.equal(connection.isEstablished, true);
});

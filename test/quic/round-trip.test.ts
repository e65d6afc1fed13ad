import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENT, QuicPair, SERVER, SILENT } from '../support/quic-pair.js';

const buffer = new Uint8Array(65_536);
const DELAY_MS = 10;

test('after losses the round trip that is measured does not run away', { timeout: 30_000 }, async () => {
  const pair = await QuicPair.create();
  const client = pair.connect();
  client.handler = {
    ...SILENT,
    onStreamReadable(id) {
      while (client.streamRead(id, buffer) >= 0);
    },
  };
  pair.run();
  const [server] = pair.accepted;
  const id = server.openStream(false);
  let packets = 0;
  let lossUntil = Number.POSITIVE_INFINITY;
  const move = (): void => {
    const now = performance.now();
    pair.client.handleTimeouts(now);
    pair.server.handleTimeouts(now);
    for (const { from, packet } of pair.wire.splice(0)) {
      if (from === 'server' && ++packets % 8 === 0 && now < lossUntil) continue;
      setTimeout(() => {
        if (from === 'client') pair.server.receive(packet, CLIENT.address, CLIENT.port, performance.now());
        else pair.client.receive(packet, SERVER.address, SERVER.port, performance.now());
        move();
      }, DELAY_MS);
    }
  };
  const during = async (ms: number): Promise<void> => {
    for (const end = performance.now() + ms; performance.now() < end; ) {
      server.streamWrite(id, new Uint8Array(600), false);
      move();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  // What is lost shrinks the window to a few packets.
  while (server.stats().congestionWindow > 6000) await during(20);
  lossUntil = performance.now();
  await during(1500);
  const { rtt } = server.stats();
  assert.ok(rtt < 300, `${rtt} ms, ${2 * DELAY_MS} in truth`);
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CID_LENGTH, CidCodec } from '../../src/quic/connection-id.js';
import type { QuicCloseInfo } from '../../src/quic/engine.js';
import { STREAM_BLOCKED } from '../../src/quic/engine.js';
import { EXCESSIVE_LOAD } from '../../src/quic/errors.js';
import { DEFAULT_GOODPUT_LIMITS } from '../../src/quic/options.js';
import { fuzzRuns } from '../support/fuzz.js';
import { CLIENT, QuicPair, SERVER, SILENT } from '../support/quic-pair.js';
import { seeded } from '../support/seeded.js';

test('more handshakes than allowed at once must prove their address, and then pass', async () => {
  const pair = await QuicPair.create({
    server: { handshakes: { retryAbove: 0, max: 10, maxPerPrefix: 10, evictAfterMs: 1000 } },
  });
  const connection = pair.connect();
  pair.run();
  assert.equal(pair.server.counters.retriesSent, 1);
  assert.equal(connection.isEstablished, true);
});

test('a connection’s streams are granted at first what its address is', async () => {
  let window = 20_000;
  const pair = await QuicPair.create({ server: { streamWindow: () => window } });
  for (const granted of [20_000, 300_000, 50_000]) {
    window = granted;
    const connection = pair.connect();
    pair.run();
    const stream = connection.openStream(true);
    let taken = 0;
    // Nobody reads on the other side: what it granted is what can be sent.
    for (let round = 0; round < 100; round++) {
      taken += Math.max(0, connection.streamWrite(stream, new Uint8Array(400_000 - taken), false));
      pair.run();
    }
    assert.equal(taken, granted);
  }
});

test('a Retry token is worth nothing from another address, later, or for another connection ID', async () => {
  let epoch = 1_000_000;
  const pair = await QuicPair.create({
    server: { handshakes: { retryAbove: 0, max: 10, maxPerPrefix: 10, evictAfterMs: 1000 } },
  });
  (pair.server as unknown as { options: { epochNow: () => number } }).options.epochNow = () => epoch;
  pair.connect();
  pair.client.flush(0);
  const [initial] = pair.wire.splice(0);
  pair.server.receive(initial.packet, CLIENT.address, CLIENT.port, 0);
  pair.server.flush(0);
  const [retry] = pair.wire.splice(0);
  pair.client.receive(retry.packet, SERVER.address, SERVER.port, 0);
  pair.client.flush(0);
  const [second] = pair.wire.splice(0);
  pair.server.receive(second.packet.slice(), '192.0.2.7', CLIENT.port, 0);
  pair.server.flush(0);
  assert.equal(pair.server.counters.refusedToken, 1);
  epoch += 60_000;
  pair.server.receive(second.packet.slice(), CLIENT.address, CLIENT.port, 0);
  pair.server.flush(0);
  assert.equal(pair.server.counters.refusedToken, 2);
  epoch -= 60_000;
  pair.server.receive(second.packet.slice(), CLIENT.address, CLIENT.port, 0);
  pair.server.flush(0);
  assert.equal(pair.server.counters.accepted, 1);
});

test('an unknown version is answered with the versions there are, smaller than what asked', async () => {
  const pair = await QuicPair.create();
  const packet = randomBytes(1200);
  packet[0] = 0xc0;
  packet.writeUInt32BE(0x5a5a5a5a, 1);
  packet[5] = 8;
  packet[14] = 8;
  pair.server.receive(packet, CLIENT.address, CLIENT.port, 0);
  pair.server.flush(0);
  const [{ packet: answer }] = pair.wire.splice(0);
  assert.equal(Buffer.from(answer).readUInt32BE(1), 0);
  assert.deepEqual(answer.subarray(6, 14), new Uint8Array(packet.subarray(15, 23)));
  assert.ok(answer.length < 100);
  pair.server.receive(packet.subarray(0, 1100), CLIENT.address, CLIENT.port, 0);
  assert.equal(pair.wire.length, 0, 'a short one gets no answer');
});

test('a packet for a connection of ours that is gone gets a stateless reset with the right token', async () => {
  const closed: QuicCloseInfo[] = [];
  const key = randomBytes(16);
  const resetKey = randomBytes(32);
  const pair = await QuicPair.create({ server: { cidKeys: [{ version: 0, key }], resetKey } });
  pair.connect({ onClosed: (info) => closed.push(info) });
  pair.run();
  const codec = new CidCodec([{ version: 0, key }], { host: 0, shard: 0 });
  const packet = new Uint8Array(60);
  packet[0] = 0x40;
  packet.set(codec.create(), 1);
  pair.server.receive(packet, CLIENT.address, CLIENT.port, 0);
  const [{ packet: reset }] = pair.wire.splice(0);
  assert.ok(reset.length < packet.length && reset.length >= 21);
  assert.equal(reset[0] & 0xc0, 0x40);
  const { statelessResetToken } = await import('../../src/quic/stateless-reset.js');
  assert.deepEqual(Buffer.from(reset.subarray(-16)), statelessResetToken(resetKey, packet.subarray(1, 1 + CID_LENGTH)));
  assert.equal(pair.server.counters.statelessResetsSent, 1);
});

test('stateless resets are limited a second, and noise gets none', async () => {
  const key = randomBytes(16);
  const pair = await QuicPair.create({ server: { cidKeys: [{ version: 0, key }] } });
  const codec = new CidCodec([{ version: 0, key }], { host: 0, shard: 0 });
  for (let i = 0; i < 500; i++) {
    const packet = new Uint8Array(60);
    packet[0] = 0x40;
    packet.set(codec.create(), 1);
    pair.server.receive(packet, CLIENT.address, CLIENT.port, 5000);
  }
  assert.equal(pair.wire.splice(0).length, 100);
  const noise = randomBytes(60);
  noise[0] = 0x50;
  pair.server.receive(noise, CLIENT.address, CLIENT.port, 7000);
  assert.equal(pair.wire.length, 0);
});

test('a packet for another shard is handed on, one for another host is not', async () => {
  const key = randomBytes(16);
  const handed: number[] = [];
  const pair = await QuicPair.create({ server: { cidKeys: [{ version: 0, key }] } });
  (pair.server as unknown as { hooks: { onForeign: (shard: number) => boolean } }).hooks.onForeign = (shard) => {
    handed.push(shard);
    return true;
  };
  for (const route of [
    { host: 0, shard: 3 },
    { host: 9, shard: 3 },
  ]) {
    const packet = new Uint8Array(60);
    packet[0] = 0x40;
    packet.set(new CidCodec([{ version: 0, key }], route).create(), 1);
    pair.server.receive(packet, CLIENT.address, CLIENT.port, 0);
  }
  assert.deepEqual(handed, [3]);
  assert.equal(pair.wire.length, 0);
});

test('a full table refuses handshakes, the oldest give way to proven addresses', async () => {
  const pair = await QuicPair.create({
    server: { handshakes: { retryAbove: 2, max: 2, maxPerPrefix: 100, evictAfterMs: 0 } },
    network: (sent) => (sent.from === 'server' && pair.server.counters.retriesSent === 0 ? null : sent),
  });
  pair.connect();
  pair.connect();
  await pair.runUntil(() => pair.server.counters.handshakes === 2);
  const third = pair.connect();
  await pair.runUntil(() => third.isEstablished);
  assert.ok(pair.server.counters.evictedHandshakes >= 1);
});

test('where one prefix has all places, some of its connections go for those of others, and none for more of its own', async () => {
  let clientAddress = '198.51.100.1';
  const closed: (QuicCloseInfo | null)[] = [];
  const pair = await QuicPair.create({ server: { maxConnections: 40 }, clientAddress: () => clientAddress });
  const connect = () => {
    const at = closed.push(null) - 1;
    return pair.connect({
      onClosed: (info) => {
        closed[at] = info;
      },
    });
  };
  for (let i = 0; i < 40; i++) {
    connect();
    pair.run();
  }
  connect();
  pair.run();
  assert.deepEqual([pair.server.counters.connections, pair.server.counters.refusedFull], [40, 1], 'its own prefix');
  clientAddress = '203.0.113.7';
  const other = Array.from({ length: 5 }, () => {
    const connection = connect();
    pair.run();
    return connection;
  });
  assert.ok(other.every(({ isEstablished }) => isEstablished));
  const gone = closed.filter((info) => info !== null);
  assert.equal(gone.length, 5);
  assert.ok(gone.every(({ code, reason }) => code === EXCESSIVE_LOAD && reason === 'others want the place'));
  assert.deepEqual([pair.server.counters.connections, pair.server.counters.evictedConnections], [40, 5]);
  for (let i = 0; i < 30; i++) {
    connect();
    pair.run();
  }
  // Twice its own and no more: 27 of the first prefix, 13 of the other.
  assert.deepEqual([pair.server.counters.connections, pair.server.counters.evictedConnections], [40, 13]);
});

test('where all places are taken nobody gets one who did not show that he can be answered', async () => {
  let clientAddress = '198.51.100.1';
  const pair = await QuicPair.create({ server: { maxConnections: 40 }, clientAddress: () => clientAddress });
  for (let i = 0; i < 40; i++) {
    pair.connect();
    pair.run();
  }
  clientAddress = '203.0.113.7';
  const packet = pair.firstPacket();
  for (let i = 0; i < 20; i++) {
    pair.server.receive(packet, `203.0.113.${i}`, 1111, performance.now());
    pair.server.flush(performance.now());
  }
  assert.equal(pair.server.counters.evictedConnections, 0);
  assert.equal(pair.server.counters.retriesSent, 20);
});

test('a client that moves is dropped by default and followed where that is allowed', async () => {
  for (const allowMigration of [false, true]) {
    let moved = false;
    const got: number[] = [];
    const pair = await QuicPair.create({
      transport: { allowMigration },
      onConnection: (connection) => {
        connection.handler = { ...SILENT, onDatagram: (_bytes, length) => got.push(length) };
      },
    });
    const connection = pair.connect();
    pair.run();
    const original = pair.server.receive.bind(pair.server);
    pair.server.receive = (packet, address, port, now) => original(packet, address, moved ? 4444 : port, now);
    moved = true;
    for (let i = 0; i < 5; i++) {
      connection.datagramSend(new Uint8Array(40));
      pair.run();
    }
    assert.deepEqual(got.length > 0, allowMigration);
    assert.equal(pair.accepted[0].peerPort, allowMigration ? 4444 : CLIENT.port);
    if (!allowMigration) assert.ok(pair.server.counters.wrongPath > 0);
  }
});

test('a connection that burns bytes for nothing is closed with H3_EXCESSIVE_LOAD', async () => {
  const closed: QuicCloseInfo[] = [];
  const pair = await QuicPair.create({
    server: { goodput: { freeBytesPerSecond: 1000, minRatio: 0.5, strikes: 2 } },
  });
  const connection = pair.connect({ onClosed: (info) => closed.push(info) });
  pair.run();
  let now = performance.now();
  const receive = pair.server.receive.bind(pair.server);
  pair.server.receive = (packet, address, port) => receive(packet, address, port, now);
  for (let second = 0; second < 5; second++) {
    now += 1001;
    for (let i = 0; i < 40; i++) {
      // Streams without payload: a reset each.
      const id = connection.openStream(true);
      if (id >= 0) connection.streamReset(id, 1);
      else connection.datagramSend(new Uint8Array(0));
      pair.run();
    }
  }
  assert.deepEqual(
    closed.map(({ code, by }) => ({ code, by })),
    [{ code: 0x107, by: 'peer' }],
  );
  assert.equal(pair.server.counters.goodputClosed, 1);
});

test('no packet, however mangled, throws or disturbs a connection beside it', async () => {
  // A connection that gets nothing but rubbish for seconds is closed as it should be: longer runs are to look beyond that.
  const pair = await QuicPair.create({ server: { goodput: { ...DEFAULT_GOODPUT_LIMITS, minRatio: 0 } } });
  const connection = pair.connect();
  pair.run();
  const initial = pair.firstPacket();
  connection.datagramSend(randomBytes(50));
  pair.client.flush(performance.now());
  const [{ packet: short }] = pair.wire.splice(0);
  const samples = [initial, short];
  fc.assert(
    fc.property(
      fc.nat(1),
      fc.array(fc.tuple(fc.nat(1400), fc.nat(255)), { maxLength: 8 }),
      fc.option(fc.nat(1400)),
      fc.nat(3),
      (sample, changes, cut, port) => {
        const packet = samples[sample].slice(0, cut ?? undefined);
        for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
        pair.server.receive(
          packet,
          port === 0 ? CLIENT.address : '198.51.100.3',
          CLIENT.port + port,
          performance.now(),
        );
        pair.server.flush(performance.now());
        pair.wire.length = 0;
      },
    ),
    { numRuns: fuzzRuns(20_000) },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1500 }), (packet) => {
      pair.server.receive(packet.slice(), '198.51.100.4', 5, performance.now());
      pair.client.receive(packet.slice(), SERVER.address, SERVER.port, performance.now());
      pair.wire.length = 0;
    }),
    { numRuns: fuzzRuns(20_000) },
  );
  connection.datagramSend(new Uint8Array(10));
  let got = 0;
  pair.accepted[0].handler = { ...SILENT, onDatagram: () => got++ };
  await pair.runUntil(() => got > 0, 3000);
});

test('the end of a stream arrives, however acknowledgements overtake it', async () => {
  const buffer = new Uint8Array(65_536);
  // 1895 is one that lost it.
  for (let seed = 1800; seed < 1800 + fuzzRuns(150); seed++) {
    const random = seeded(seed);
    const upTo = (n: number) => Math.floor(random() * n);
    const pair = await QuicPair.create();
    const client = pair.connect();
    pair.run();
    const id = client.openStream(true);
    client.streamWrite(id, new Uint8Array(10), true);
    pair.run();
    const [server] = pair.accepted;
    server.streamRead(id, buffer);
    let [got, ended] = [0, false];
    const read = (): void => {
      for (let length = client.streamRead(id, buffer); length >= 0; length = client.streamRead(id, buffer)) {
        got += length;
        ended ||= client.streamFinished;
        if (ended) return;
      }
    };
    // A flush on one side, or some of the packets that are on the way: as threads and networks have it.
    const step = (): void => {
      const now = performance.now();
      const kind = upTo(4);
      if (kind === 0) pair.client.flush(now);
      else if (kind === 1) pair.server.flush(now);
      else {
        for (const { from, packet } of pair.wire.splice(0, 1 + upTo(Math.max(1, pair.wire.length)))) {
          if (from === 'client') pair.server.receive(packet, CLIENT.address, CLIENT.port, now);
          else pair.client.receive(packet, SERVER.address, SERVER.port, now);
        }
      }
      if (upTo(2) === 1) read();
    };
    const total = 15_000 + upTo(20_000);
    for (let left = total; left > 0; ) {
      left -= Math.max(0, server.streamWrite(id, new Uint8Array(Math.min(left, 1 + upTo(16_000))), false));
      for (let steps = upTo(12); steps > 0; steps--) step();
    }
    for (let steps = upTo(12); steps > 0; steps--) step();
    for (let round = 0; round < 200 && server.streamWrite(id, new Uint8Array(0), true) === STREAM_BLOCKED; round++)
      step();
    for (let round = 0; round < 20 && !ended; round++) {
      pair.run();
      read();
    }
    assert.deepEqual([got, ended], [total, true], `seed ${seed}`);
  }
});

/**
 * Server time of one echoed datagram whose packet came to the right shard, and of one that was handed on through the
 * ring, doorbell included. Everything in memory: without system calls, which cost both alike, the ratio is harsher.
 */
import { randomBytes } from 'node:crypto';
import { createSelfSigned } from '../src/host/certificate/self-signed.js';
import { PacketRing } from '../src/host/shard/packet-ring.js';
import { type QuicConnection, type QuicEndpoint, SILENT_CONNECTION } from '../src/quic/engine.js';
import { DEFAULT_GOODPUT_LIMITS, DEFAULT_HANDSHAKE_LIMITS, DEFAULT_TRANSPORT } from '../src/quic/options.js';
import { QuicheEndpoint } from '../src/quic/quiche/endpoint.js';

const ECHOES = 40_000;
const ADDRESS = '127.0.0.1';
const certificate = await createSelfSigned(['localhost'], new Date(Date.now() - 3_600_000));
const keys = {
  cidKeys: [{ version: 0, key: randomBytes(16) }],
  retryKeys: [randomBytes(32)],
  resetKey: randomBytes(32),
};
const ring = new PacketRing(PacketRing.create());
const doorbell = new Int32Array(new SharedArrayBuffer(4));
const toClient: Uint8Array[] = [];
const toServer: Uint8Array[] = [];

function createShard(shard: number): QuicEndpoint {
  return new QuicheEndpoint(
    {
      localAddress: ADDRESS,
      localPort: 2,
      protocols: ['h3'],
      transport: DEFAULT_TRANSPORT,
      server: {
        ...certificate,
        ...keys,
        maxConnections: 10,
        handshakeTimeoutMs: 10_000,
        handshakes: DEFAULT_HANDSHAKE_LIMITS,
        goodput: DEFAULT_GOODPUT_LIMITS,
        route: { host: 0, shard },
      },
    },
    {
      transmit: (packet) => toClient.push(packet.slice()) > 0,
      requestFlush() {},
      onConnection: (connection) => {
        connection.handler = {
          ...SILENT_CONNECTION,
          onDatagram: (bytes, length) => void connection.datagramSend(bytes.subarray(0, length)),
        };
      },
      onForeign: (_shard, packet, address, port) => {
        if (!ring.write(packet, address, port)) return false;
        if (Atomics.exchange(doorbell, 0, 1) === 0) Atomics.notify(doorbell, 0, 1);
        return true;
      },
    },
  );
}

const [wrong, owner] = [createShard(0), createShard(1)];
const client = new QuicheEndpoint(
  {
    localAddress: ADDRESS,
    localPort: 1,
    protocols: ['h3'],
    transport: DEFAULT_TRANSPORT,
    client: { trustedRoots: null },
  },
  { transmit: (packet) => toServer.push(packet.slice()) > 0, requestFlush() {}, onConnection() {} },
);
const connection: QuicConnection = client.connect({ address: ADDRESS, port: 2 }, performance.now());

/** Moves what waits; returns the milliseconds that the server side took. */
function turn(first: QuicEndpoint): number {
  client.flush(performance.now());
  const packets = toServer.splice(0);
  const started = performance.now();
  for (const packet of packets) {
    first.receive(packet, ADDRESS, 1, started);
    if (first === wrong) {
      Atomics.store(doorbell, 0, 0);
      ring.drain((handed, address, port) => owner.receive(handed, address, port, started));
    }
  }
  owner.flush(started);
  const spent = performance.now() - started;
  for (const packet of toClient.splice(0)) client.receive(packet, ADDRESS, 2, performance.now());
  return spent;
}

for (let i = 0; i < 10; i++) turn(owner);
if (!connection.isEstablished) throw new Error('no connection');
const payload = new Uint8Array(100);
const time = { right: 0, wrong: 0 };
for (let i = 0; i < ECHOES * 2; i++) {
  connection.datagramSend(payload);
  const spent = turn(i % 2 === 0 ? owner : wrong);
  if (i > ECHOES / 4) time[i % 2 === 0 ? 'right' : 'wrong'] += spent;
}
const each = (ms: number) => ((ms * 1000) / (ECHOES * 0.875)).toFixed(2);
console.log(`right shard   ${each(time.right)} us an echo`);
console.log(`handed on     ${each(time.wrong)} us an echo, ${(time.wrong / time.right).toFixed(2)} x`);
console.log(`${wrong.counters.handedOn} packets handed on`);

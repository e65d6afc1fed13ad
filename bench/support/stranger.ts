/**
 * Packets of somebody who is no client: `node stranger.js PORT KIND SECONDS`, as fast as one process sends them, and tells how many
 * those were. KIND: `initial`, first packets in which nothing can be read; `version`, those of a version that nobody speaks; `stray`, packets
 * of no connection.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';

const [port, kind, seconds] = process.argv.slice(2);
/** Packets between two turns of the loop. */
const TURN = 200;
const DIFFERENT = 64;

/** RFC 9000 section 17.2.2: IDs of 8 bytes, no token, and a length that ends before the packet does. */
function first(version: number): Buffer {
  const packet = randomBytes(1200);
  packet[0] = 0xc0;
  packet.writeUInt32BE(version, 1);
  packet[5] = 8;
  packet[14] = 8;
  packet[23] = 0;
  packet.writeUInt16BE(0x4480, 24);
  return packet;
}

/** RFC 9000 section 17.3.1. */
function stray(): Buffer {
  const packet = randomBytes(100);
  packet[0] = 0x40 | (packet[0] & 0x3f);
  return packet;
}

const made: Record<string, () => Buffer> = { initial: () => first(1), version: () => first(0x0a0a0a0a), stray };
const packets = Array.from({ length: DIFFERENT }, made[kind]);
const socket = createSocket('udp4');
const end = performance.now() + Number(seconds) * 1000;
let sent = 0;
function turn(): void {
  for (let i = 0; i < TURN; i++) socket.send(packets[sent++ % DIFFERENT], Number(port), '127.0.0.1');
  if (performance.now() < end) setImmediate(turn);
  else process.send?.({ sent }, () => process.exit());
}
socket.bind(0, turn);

/** A line between a client and a host: `PORT DELAY_MS MEGABITS QUEUE_KB LOSS`; delays, paces, drops what finds no room in its queue. */
import { createSocket, type Socket } from 'node:dgram';

const [port, delay, megabits, queueKilobytes, loss] = process.argv.slice(2).map(Number);
const BITS_A_MS = megabits * 1000;

/** One direction. Times in ms. */
class Direction {
  #queue: { packet: Buffer; at: number }[] = [];
  /** When the line has sent what waits. */
  #freeAt = 0;

  constructor(readonly pass: (packet: Buffer) => void) {}

  push(packet: Buffer, now: number): void {
    const start = Math.max(now, this.#freeAt);
    const waiting = ((start - now) * BITS_A_MS) / 8;
    if (Math.random() < loss || waiting > queueKilobytes * 1024) return;
    this.#freeAt = start + (packet.length * 8) / BITS_A_MS;
    this.#queue.push({ packet, at: this.#freeAt + delay });
  }

  drain(now: number): void {
    let due = 0;
    while (due < this.#queue.length && this.#queue[due].at <= now) this.pass(this.#queue[due++].packet);
    if (due > 0) this.#queue = this.#queue.slice(due);
  }
}

const open = (): Socket => createSocket({ type: 'udp4', recvBufferSize: 4e6, sendBufferSize: 4e6 });
const clientSide = open();
const hostSide = open();
let clientPort = 0;
const up = new Direction((packet) => hostSide.send(packet, port, '127.0.0.1'));
const down = new Direction((packet) => clientSide.send(packet, clientPort, '127.0.0.1'));
clientSide.on('message', (packet, from) => {
  clientPort = from.port;
  up.push(packet, performance.now());
});
hostSide.on('message', (packet) => down.push(packet, performance.now()));
setInterval(() => {
  const now = performance.now();
  up.drain(now);
  down.drain(now);
}, 1);
clientSide.bind(0, '127.0.0.1', () => process.send?.({ port: clientSide.address().port }));

import { type ReceiveQueues, readReceiveQueues } from '../../net/receive-queues.js';
import { LEAST_RECEIVE_BUFFER, SOCKET_BUFFER } from '../../net/udp-driver.js';
import { ReceiveBuffer } from '../../scale/pressure/receive-buffer.js';
import { ReceiveLoss } from '../../scale/pressure/receive-loss.js';
import type { CounterName } from '../shard/counters.js';
import type { ToShard } from '../shard/messages.js';

const EVERY_MS = 1000;

/** The shards, as far as what they receive goes. */
export interface ReceivePool {
  readonly port: number;
  readonly live: readonly number[];
  counters(shard: number): { get(name: CounterName): number };
  broadcast(message: ToShard): void;
}

/** Watches what waits, and is lost, in front of the host's UDP sockets, and keeps queues there from standing. */
export class ReceiveKeeper {
  readonly #loss = new ReceiveLoss();
  readonly #buffer = new ReceiveBuffer(LEAST_RECEIVE_BUFFER, SOCKET_BUFFER);
  #timer: NodeJS.Timeout | undefined;
  /** What had been taken by then, ms. */
  #before: { at: number; packets: number; bytes: number } | null = null;
  /** As of the last look; null where the system does not tell it. */
  queues: ReceiveQueues | null = null;
  /** Share of clients' packets that is lost because the shards can't keep up, 0..1. */
  lost = 0;

  constructor(
    readonly pool: ReceivePool,
    readonly read: (port: number) => Promise<ReceiveQueues | null> = readReceiveQueues,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.look(performance.now()), EVERY_MS);
    this.#timer.unref();
  }

  /** A look at the queues, at `at` ms. */
  async look(at: number): Promise<void> {
    const { pool } = this;
    const queues = await this.read(pool.port);
    this.queues = queues;
    if (queues === null) return;
    const shards = pool.live.map((shard) => pool.counters(shard));
    const sum = (name: CounterName): number => shards.reduce((all, counters) => all + counters.get(name), 0);
    // Those that were handed on are counted by who took them too.
    const packets = sum('packetsIn') - sum('handedOn');
    const bytes = sum('bytesIn');
    this.lost = this.#loss.look({
      at,
      received: packets,
      ofConnections: sum('packetsDelivered'),
      dropped: queues.dropped,
      busyMicroseconds: shards.map((counters) => counters.get('busyMicroseconds')),
    });
    if (shards.length > 0) this.#fit(queues.fullestBytes, { at, packets, bytes }, shards.length);
  }

  /** The sockets get buffers for what the shards take. */
  #fit(fullestBytes: number, now: { at: number; packets: number; bytes: number }, shards: number): void {
    const before = this.#before;
    this.#before = now;
    if (before === null || now.at <= before.at) return;
    const aSecond = (count: number): number => (Math.max(0, count) / (now.at - before.at) / shards) * 1000;
    const was = this.#buffer.size;
    const [packets, bytes] = [aSecond(now.packets - before.packets), aSecond(now.bytes - before.bytes)];
    const size = this.#buffer.look(fullestBytes, packets, bytes);
    if (size !== was) this.pool.broadcast({ type: 'receiveBuffer', bytes: size });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

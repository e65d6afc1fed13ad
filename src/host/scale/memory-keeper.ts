import { easedShares } from '../../adapt/memory-budget.js';
import type { Log } from '../prediction/messages.js';
import type { CounterName } from '../shard/counters.js';
import type { ToShard } from '../shard/messages.js';

const EVERY_MS = 1000;

/** The shards, as far as their memory goes. */
export interface MemoryPool {
  readonly live: readonly number[];
  counters(shard: number): { get(name: CounterName): number };
  send(shard: number, message: ToShard): void;
}

/**
 * Keeps what was received and not read within its budget. Buffers of sessions are bounded when they are given; what waits in QUIC in
 * front of them is bounded by what clients were granted in their handshakes alone, so those that use most of it go.
 */
export class MemoryKeeper {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly pool: MemoryPool,
    readonly budget: number,
    readonly log: Log,
  ) {}

  /** Share of the budget that is taken. */
  get fullness(): number {
    return this.#heldBy(this.pool.live).reduce((sum, bytes) => sum + bytes, 0) / this.budget;
  }

  #heldBy(shards: readonly number[]): number[] {
    return shards.map((shard) => this.pool.counters(shard).get('unreadBytes'));
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), EVERY_MS);
    this.#timer.unref();
  }

  look(): void {
    const { live } = this.pool;
    const held = this.#heldBy(live);
    const shares = easedShares(held, this.budget);
    if (shares === null) return;
    const heldBytes = held.reduce((sum, bytes) => sum + bytes, 0);
    this.log('warn', 'unread data is over its budget', { heldBytes, unreadBudget: this.budget });
    live.forEach((shard, i) => {
      if (held[i] > 0) this.pool.send(shard, { type: 'boundUnread', bytes: shares[i] });
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

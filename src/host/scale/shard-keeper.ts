import { ShardPlanner } from '../../scale/shards/shard-planner.js';
import type { Log } from '../prediction/messages.js';
import type { ShardPool } from '../shard-pool.js';

const EVERY_MS = 1000;

/** Adds shards before those that are there are full, and takes them out of service when they are not needed. */
export class ShardKeeper {
  readonly planner: ShardPlanner;
  #timer: NodeJS.Timeout | undefined;
  #before: { at: number; busy: number } | null = null;
  #isStarting = false;
  /** Shards that there should be, as of the last look; more than can be where the host can't share its port. */
  wanted: number;

  /** @param isPossible whether this host can add any, or only says what it would do. */
  constructor(
    readonly pool: ShardPool,
    least: number,
    most: number,
    readonly isPossible: boolean,
    readonly log: Log,
  ) {
    this.planner = new ShardPlanner(least, most);
    this.wanted = least;
  }

  start(): void {
    if (this.planner.least === this.planner.most) return;
    this.#timer = setInterval(() => this.#look(performance.now(), this.pool.total('busyMicroseconds') / 1e6), EVERY_MS);
    this.#timer.unref();
  }

  #look(now: number, busy: number): void {
    const before = this.#before;
    this.#before = { at: now, busy };
    // A shard that starts again begins to count anew.
    if (before === null || busy < before.busy || now <= before.at) return;
    const { serving } = this.pool;
    const wantedBefore = this.wanted;
    this.wanted = this.planner.look(((busy - before.busy) / (now - before.at)) * 1000, serving.length);
    if (!this.isPossible) {
      if (this.wanted > wantedBefore) this.log('info', 'another shard would serve', { wanted: this.wanted });
      return;
    }
    // One that died comes back by itself.
    if (this.wanted > this.pool.expected) void this.#add();
    else if (this.wanted < serving.length) this.#drain(serving);
  }

  async #add(): Promise<void> {
    if (this.#isStarting) return;
    this.#isStarting = true;
    try {
      const shard = await this.pool.add();
      if (shard >= 0) this.log('info', 'a shard was added', { shard, serving: this.pool.serving.length });
    } catch (error) {
      this.log('error', 'a shard could not be added', { error: (error as Error).message });
    }
    this.#isStarting = false;
  }

  /** The one with the fewest sessions takes no new ones, and ends with its last. */
  #drain(serving: readonly number[]): void {
    if (this.#isStarting) return;
    const sessions = (shard: number): number => this.pool.counters(shard).get('sessions');
    const shard = serving.reduce((least, next) => (sessions(next) < sessions(least) ? next : least));
    this.pool.retire(shard);
    this.log('info', 'a shard takes no new sessions', { shard, sessions: sessions(shard) });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

import { performance as loop } from 'node:perf_hooks';
import { type CounterName, ShardCounters } from './counters.js';

export const HEARTBEAT_MS = 50;
/** What is left of the worst lateness at the next beat: a tenth after a second. */
const LAG_FADES = 0.89;

/** A shard's heart in shared memory, and what it tells of itself with each beat. */
export class ShardPulse {
  readonly counters: ShardCounters;
  readonly #heartbeat: Int32Array;
  readonly #cpuAtStart = process.cpuUsage();
  #beatAt = performance.now();
  #lag = 0;

  constructor(
    { heartbeat, counters }: { heartbeat: SharedArrayBuffer; counters: SharedArrayBuffer },
    readonly index: number,
  ) {
    this.#heartbeat = new Int32Array(heartbeat);
    this.counters = new ShardCounters(counters);
  }

  beat(values: Partial<Record<CounterName, number>>): void {
    Atomics.add(this.#heartbeat, this.index, 1);
    for (const [name, value] of Object.entries(values)) this.counters.set(name as CounterName, value);
    const now = performance.now();
    // The worst of late, which fades within a second.
    this.#lag = Math.max(now - this.#beatAt - HEARTBEAT_MS, this.#lag * LAG_FADES);
    this.#beatAt = now;
    this.counters.set('lagMs', this.#lag);
    this.counters.set('busyMicroseconds', loop.eventLoopUtilization().active * 1000);
    const cpu = process.cpuUsage(this.#cpuAtStart);
    this.counters.set('cpuMicroseconds', cpu.user + cpu.system);
  }
}

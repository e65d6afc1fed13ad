import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { TidegateError } from '../quic/errors.js';
import { COUNTER_NAMES, type CounterName, ShardCounters } from './shard/counters.js';
import { type FromShard, LAST_CALLS_MS, type ShardInit, type ShardOutcome, type ToShard } from './shard/messages.js';
import { PacketRing } from './shard/packet-ring.js';

/** What runs a shard. */
export const SHARD_WORKER = new URL('../../workers/shard.js', import.meta.url).href;
const CHECK_MS = 100;
/**
 * Room for what a shard made lately, MB: three times what is looked through at once. What lives on is copied in each look, and a
 * crowd's sessions do: with V8's own size (48) they stopped the thread for 5 to 15 ms a second, so for 1 to 3 many times.
 */
const YOUNG_MB = 6;
/** A worker that is not gone so long after terminate() hangs in native code, which nothing can interrupt. */
const NATIVE_HANG_MS = 3000;
const MAX_BACK_OFF_MS = 5000;
const SETTLED_MS = 5000;

/** What a shard needs beside its place in the pool. */
export type ShardSettings = Omit<
  ShardInit,
  'index' | 'port' | 'reusePort' | 'heartbeat' | 'counters' | 'rings' | 'doorbells' | 'accepting'
>;

/** How long a shard may be silent, ms. */
export interface ShardPatience {
  /** Once it serves. */
  hangMs: number;
  /** Before it does: modules of functions may wait for something as they load. */
  startMs: number;
}

export interface ShardPoolHooks {
  /** @param answer tells the shard that said it, and none that came in its place. */
  onMessage(shard: number, message: FromShard, answer: (message: ToShard) => void): void;
  /** A shard ended unasked. It comes back, unless it was retiring. */
  onIncident(shard: number, reason: string, comesBack: boolean): void;
  /** Ends the process where native code hangs; replaced in tests. */
  onNativeHang(shard: number): void;
}

interface Running {
  port: MessagePort;
  abort: AbortController;
  startedAt: number;
  ready: boolean;
  /** The end was asked for. */
  ending: boolean;
  /** Why it was ended here. */
  verdict: TidegateError | null;
  ended: Promise<void>;
}

/**
 * The shards: one long-running piscina task each. A shard that throws, or whose heart in shared memory stops, is ended
 * and started again with its index, so that its connection IDs lead to the new one (which resets what it does not know).
 */
export class ShardPool {
  /** The thread of each place. It outlives a shard that retires, and none that fails. */
  readonly #threads: (Piscina | null)[];
  readonly #running: (Running | null)[];
  readonly #heartbeat: SharedArrayBuffer;
  readonly #beats: Int32Array;
  readonly #lastBeat: { count: number; at: number }[];
  readonly #counters: ShardCounters[];
  readonly #rings: SharedArrayBuffer[][];
  readonly #doorbells: SharedArrayBuffer;
  readonly #accepting: Int32Array<SharedArrayBuffer>;
  readonly #failures: number[];
  /** Places whose shard ended and is about to be started again. */
  readonly #returning = new Set<number>();
  #port: number;
  #watch: NodeJS.Timeout | undefined;
  /** All that were wanted at first serve. */
  #hasStarted = false;
  #lastCheck = performance.now();
  #closing = false;

  constructor(
    readonly settings: ShardSettings,
    port: number,
    /** Places for shards; rings between all of them are made at once. */
    readonly places: number,
    readonly patience: ShardPatience,
    readonly hooks: ShardPoolHooks,
    readonly worker: string = SHARD_WORKER,
  ) {
    this.#port = port;
    this.#threads = new Array(places).fill(null);
    this.#running = new Array(places).fill(null);
    this.#heartbeat = new SharedArrayBuffer(places * 4);
    this.#beats = new Int32Array(this.#heartbeat);
    this.#lastBeat = Array.from({ length: places }, () => ({ count: 0, at: 0 }));
    this.#counters = Array.from({ length: places }, () => new ShardCounters());
    this.#failures = new Array(places).fill(0);
    this.#rings =
      places === 1
        ? []
        : Array.from({ length: places }, () => Array.from({ length: places }, () => PacketRing.create()));
    this.#doorbells = new SharedArrayBuffer(places * 4);
    this.#accepting = new Int32Array(new SharedArrayBuffer(places * 4));
  }

  get port(): number {
    return this.#port;
  }

  /** Indices of shards that serve. */
  get live(): number[] {
    return this.#running.flatMap((running, index) => (running?.ready && running.verdict === null ? [index] : []));
  }

  /** Indices of shards that serve, or are about to. */
  get present(): number[] {
    return this.#running.flatMap((running, index) => (running === null ? [] : [index]));
  }

  /** How many take new connections, or will before long by themselves. */
  get expected(): number {
    return this.#running.filter((running, index) => running?.ending === false || this.#returning.has(index)).length;
  }

  /** Those that serve and take new connections. */
  get serving(): number[] {
    return this.live.filter((shard) => this.#running[shard]?.ending === false);
  }

  counters(shard: number): ShardCounters {
    return this.#counters[shard];
  }

  /** Sum of one counter of all places, those of shards that ended too. */
  total(name: CounterName): number {
    return this.#counters.reduce((sum, counters) => sum + counters.get(name), 0);
  }

  /** How late the latest of the shards that live does what it is to do, ms. */
  get lagMs(): number {
    return Math.max(0, ...this.live.map((shard) => this.counters(shard).get('lagMs')));
  }

  /** Sums of the counters of all places, those of shards that ended too. */
  totals(): Record<(typeof COUNTER_NAMES)[number], number> {
    return Object.fromEntries(COUNTER_NAMES.map((name) => [name, this.total(name)])) as Record<
      (typeof COUNTER_NAMES)[number],
      number
    >;
  }

  /** Starts `count` shards; the first finds the port where that was 0. Rejects where one can't start. */
  async start(count: number): Promise<void> {
    this.#lastCheck = performance.now();
    this.#watch = setInterval(() => this.#check(), CHECK_MS);
    this.#watch.unref();
    await this.#launch(0);
    await Promise.all(Array.from({ length: count - 1 }, (_, i) => this.#launch(i + 1)));
    this.#hasStarted = true;
  }

  /** Starts one more shard and returns its index, or -1 where every place is taken, or kept for one that comes back. */
  async add(): Promise<number> {
    const index = this.#running.findIndex((running, place) => running === null && !this.#returning.has(place));
    if (index >= 0) await this.#launch(index);
    return index;
  }

  /** Takes a shard out of service: it ends with its last session. */
  retire(shard: number): void {
    const running = this.#running[shard];
    if (!running) return;
    running.ending = true;
    Atomics.store(this.#accepting, shard, 0);
    this.send(shard, { type: 'retire' });
  }

  send(shard: number, message: ToShard, transfer: MessagePort[] = []): void {
    this.#running[shard]?.port.postMessage(message, transfer);
  }

  broadcast(message: ToShard): void {
    for (let shard = 0; shard < this.places; shard++) this.send(shard, message);
  }

  /**
   * The thread of a place. It waits for the next shard where one has retired: each that ends leaves its copy of the QUIC addon
   * behind, and two threads of that.
   */
  #threadOf(index: number): Piscina {
    const thread =
      this.#threads[index] ??
      new Piscina({
        filename: this.worker,
        minThreads: 0,
        maxThreads: 1,
        idleTimeout: Number.POSITIVE_INFINITY,
        concurrentTasksPerWorker: 1,
        atomics: 'disabled',
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      });
    this.#threads[index] = thread;
    return thread;
  }

  #launch(index: number): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const abort = new AbortController();
    const init: ShardInit = {
      ...this.settings,
      index,
      port: this.#port,
      reusePort: this.places > 1,
      heartbeat: this.#heartbeat,
      counters: this.#counters[index].memory,
      rings: this.#rings,
      doorbells: this.#doorbells,
      accepting: this.#accepting.buffer,
    };
    const thread = this.#threadOf(index);
    const run = thread.run({ init, port: port2 }, { signal: abort.signal, transferList: [port2] });
    const running: Running = {
      port: port1,
      abort,
      startedAt: performance.now(),
      ready: false,
      ending: false,
      verdict: null,
      ended: Promise.resolve(),
    };
    this.#running[index] = running;
    const answer = (message: ToShard): void => port1.postMessage(message);
    return new Promise<void>((resolve, reject) => {
      port1.on('message', (message: FromShard) => {
        if (message.type === 'ready') {
          this.#becameReady(index, running, message.port);
          resolve();
        }
        this.hooks.onMessage(index, message, answer);
      });
      const fail = (cause: Error): void => {
        this.#threads[index] = null;
        void thread.destroy();
        const error = running.verdict ?? (running.ready ? cause : notStarted(index, cause));
        reject(error);
        this.#ended(index, running, error);
      };
      running.ended = run.then(({ failed }: ShardOutcome) => {
        if (failed === null) this.#ended(index, running, null);
        else fail(new TidegateError(failed.code as 'TIDEGATE_E_LISTEN', failed.message));
      }, fail);
    });
  }

  #becameReady(index: number, running: Running, port: number): void {
    this.#port = port;
    running.ready = true;
    this.#lastBeat[index] = { count: Atomics.load(this.#beats, index), at: performance.now() };
    Atomics.store(this.#accepting, index, 1);
  }

  #ended(index: number, running: Running, error: Error | null): void {
    running.port.close();
    if (this.#running[index] !== running) return;
    this.#running[index] = null;
    Atomics.store(this.#accepting, index, 0);
    this.#counters[index].clearGauges();
    // One that never served is for start() to tell; later ones come back.
    if (this.#closing || (!running.ready && !this.#hasStarted)) return;
    // A retiring one said so before it ended.
    if (running.ending && error === null) return;
    this.hooks.onIncident(index, error?.message ?? 'ended by itself', !running.ending);
    if (running.ending) return;
    if (performance.now() - running.startedAt > SETTLED_MS) this.#failures[index] = 0;
    const delay = Math.min(50 * 2 ** this.#failures[index]++ - 50, MAX_BACK_OFF_MS);
    this.#returning.add(index);
    setTimeout(() => {
      this.#returning.delete(index);
      if (!this.#closing) this.#launch(index).catch(() => {});
    }, delay);
  }

  /** Looks at the hearts. A check that comes late itself (a stopped machine) judges nobody. */
  #check(): void {
    const now = performance.now();
    const late = now - this.#lastCheck > CHECK_MS * 3;
    this.#lastCheck = now;
    this.#running.forEach((running, index) => {
      if (running === null || running.verdict !== null) return;
      if (!running.ready) {
        if (!late && now - running.startedAt > this.patience.startMs) this.#kill(index, running, 'does not start');
        return;
      }
      const last = this.#lastBeat[index];
      const count = Atomics.load(this.#beats, index);
      if (count !== last.count || late) this.#lastBeat[index] = { count, at: now };
      else if (now - last.at > this.patience.hangMs) this.#kill(index, running, 'hangs');
    });
  }

  #kill(index: number, running: Running, does: 'hangs' | 'does not start'): void {
    running.verdict = new TidegateError('TIDEGATE_E_SHARD', `shard ${index} ${does}`, {
      hint: 'a module of a function that loops, or waits as it loads, does that',
    });
    const worker = this.#threads[index]?.threads[0];
    let gone = worker === undefined;
    worker?.once('exit', () => {
      gone = true;
    });
    running.abort.abort(running.verdict);
    setTimeout(() => {
      if (!gone) this.hooks.onNativeHang(index);
    }, NATIVE_HANG_MS).unref();
  }

  /** Lets sessions end for `deadlineMs`, then ends all. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    this.broadcast({ type: 'drain', deadlineMs });
    const ends = this.#running.flatMap((running) => (running === null ? [] : [running.ended]));
    const grace = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs + LAST_CALLS_MS + 1000).unref());
    await Promise.race([Promise.all(ends), grace]);
    clearInterval(this.#watch);
    await Promise.all(this.#threads.map((thread) => thread?.destroy()));
  }
}

/** What ends a thread before it serves and has no code of ours: `process.exit`, say. */
function notStarted(index: number, cause: Error): Error {
  if (cause instanceof TidegateError) return cause;
  return new TidegateError('TIDEGATE_E_SHARD', `shard ${index} ended as it started: ${cause.message}`, {
    hint: 'a module of a function that ends its thread, or throws later than it loads, does that',
    cause,
  });
}

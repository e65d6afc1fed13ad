import { readFileSync } from 'node:fs';
import { TidegateError } from '../quic/errors.js';
import { type CoreLayout, type CoreShare, readLayout, VERDICTS } from './layout.js';
import { checkLimits, type Limits } from './limits.js';
import { slotAddress } from './slot-address.js';
import type { CoreExports, Flag } from './wasm-exports.js';

const WASM = new URL('../../core.wasm', import.meta.url);
const MAX_PAGES = 32768;
const INITIAL_PAGES = 16;

let compiled: WebAssembly.Module | undefined;

/** What happened in a session, as the core counts it. */
export type SessionEvent =
  | 'streamsOpened'
  | 'resets'
  | 'refusedOpens'
  | 'malformed'
  | 'oversized'
  | 'dropped'
  | 'waited'
  | 'authFailures';

/** Counts of one session since it opened. Bytes and packets are those that passed. */
export interface SessionCounts extends Record<SessionEvent, number> {
  bytesIn: number;
  packetsIn: number;
  bytesOut: number;
  packetsOut: number;
}

export interface OpenOptions {
  /** From the client, and to it. */
  in?: Limits;
  out?: Limits;
  /** Place of the function's buckets, from 1; 0 is none. */
  functionIndex?: number;
  /** Count verdicts and hold nothing back. */
  observe?: boolean;
}

/** Verdicts of a core by reason. */
export interface GateCounts {
  dropped: Record<string, number>;
  waited: Record<string, number>;
  /** Calls with a time or a length out of range. */
  clamped: number;
}

export type Direction = 'in' | 'out';
/** A direction as the core takes it. */
export const flag = (direction: Direction): Flag => (direction === 'out' ? 1 : 0);

/**
 * The session table of one shard: the WASM core over a memory of its own, with slots handed out and taken back. Calls
 * for each packet go straight to {@link core}, whose functions clamp and never throw; what is called once a session
 * checks its arguments and throws TIDEGATE_E_CORE.
 *
 * A session is named by its handle: the slot and the low bits of its generation. With the handle of a session that was
 * closed nothing happens.
 */
export class SessionTable {
  readonly core: CoreExports;
  readonly memory: WebAssembly.Memory;
  readonly layout: CoreLayout;
  /** Numbers of {@link SessionEvent}s, for `core.note`. */
  readonly events: Readonly<Record<SessionEvent, number>>;
  #capacity: number;
  #next = 0;
  readonly #free: number[] = [];
  #f64!: Float64Array;
  #f32!: Float32Array;
  #u32!: Uint32Array;
  #i64!: BigInt64Array;

  constructor(
    readonly maxSlots = 1_000_000,
    initialSlots = 1024,
  ) {
    compiled ??= new WebAssembly.Module(readFileSync(WASM));
    this.memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared: true });
    const instance = new WebAssembly.Instance(compiled, {
      env: {
        memory: this.memory,
        abort: (_message: number, _file: number, line: number) => {
          throw new TidegateError('TIDEGATE_E_CORE', `the core stopped at line ${line}`);
        },
      },
    });
    this.core = instance.exports as unknown as CoreExports;
    this.layout = readLayout(instance.exports, this.memory);
    const { at } = this.layout;
    this.events = {
      streamsOpened: at.EVENT_STREAMS_OPENED,
      resets: at.EVENT_RESETS,
      refusedOpens: at.EVENT_REFUSED_OPENS,
      malformed: at.EVENT_MALFORMED,
      oversized: at.EVENT_OVERSIZED,
      dropped: at.EVENT_DROPPED,
      waited: at.EVENT_WAITED,
      authFailures: at.EVENT_AUTH_FAILURES,
    };
    this.maxSlots = Math.min(maxSlots, at.MAX_SLOTS);
    this.#capacity = this.core.reserve(Math.min(initialSlots, this.maxSlots));
    this.#view();
  }

  #view(): void {
    const { buffer } = this.memory;
    this.#f64 = new Float64Array(buffer);
    this.#f32 = new Float32Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#i64 = new BigInt64Array(buffer);
  }

  /** Memory and layout, for another thread. */
  get share(): CoreShare {
    return { memory: this.memory, layout: this.layout };
  }

  get openSlots(): number {
    return this.#next - this.#free.length;
  }

  /** Opens a session with full buckets and returns its handle. Throws where the table is full. */
  open(now: number, options: OpenOptions = {}): number {
    const { functionIndex = 0, observe = false } = options;
    if (!(now >= 0)) throw new TidegateError('TIDEGATE_E_CORE', `now is ${now}, not milliseconds from 0 on`);
    this.#checkFunction(functionIndex);
    if (options.in !== undefined) checkLimits(options.in);
    if (options.out !== undefined) checkLimits(options.out);
    const slot = this.#free.pop() ?? this.#nextSlot();
    const handle = this.core.open(slot, functionIndex, observe ? 1 : 0, now);
    if (handle === 0) throw new TidegateError('TIDEGATE_E_CORE', `slot ${slot} is taken`);
    if (options.in !== undefined) this.setLimits(handle, 'in', options.in, now);
    if (options.out !== undefined) this.setLimits(handle, 'out', options.out, now);
    return handle;
  }

  #nextSlot(): number {
    if (this.#next >= this.maxSlots) {
      throw new TidegateError('TIDEGATE_E_TABLE_FULL', `all ${this.maxSlots} session slots are taken`);
    }
    if (this.#next >= this.#capacity) {
      this.#capacity = this.core.reserve(Math.min(this.#capacity * 2, this.maxSlots));
      if (this.#capacity <= this.#next) {
        throw new TidegateError('TIDEGATE_E_TABLE_FULL', `no memory for more than ${this.#capacity} session slots`);
      }
      this.#view();
    }
    return this.#next++;
  }

  close(handle: number): void {
    this.#record(handle);
    this.core.close(handle);
    this.#free.push(this.slotOf(handle));
  }

  slotOf(handle: number): number {
    return handle & (this.layout.at.MAX_SLOTS - 1);
  }

  setLimits(handle: number, direction: Direction, limits: Limits, now: number): void {
    this.#record(handle);
    checkLimits(limits);
    const { rate, burst, packetRate, packetBurst } = limits;
    this.core.setLimits(handle, flag(direction), rate, burst, packetRate, packetBurst, now);
  }

  /** Limits that all sessions share; they find their buckets full. */
  setShardLimits(direction: Direction, limits: Limits, now: number): void {
    this.#setShared(0, direction, limits, now);
  }

  /** Limits that all sessions of a function share; `functionIndex` counts from 1. */
  setFunctionLimits(functionIndex: number, direction: Direction, limits: Limits, now: number): void {
    this.#checkFunction(functionIndex);
    if (functionIndex === 0) throw new TidegateError('TIDEGATE_E_CORE', 'functionIndex is 0, which is no function');
    this.#setShared(functionIndex, direction, limits, now);
  }

  #setShared(index: number, direction: Direction, limits: Limits, now: number): void {
    checkLimits(limits);
    const { rate, burst, packetRate, packetBurst } = limits;
    this.core.setSharedLimits(index, flag(direction), rate, burst, packetRate, packetBurst, now);
  }

  #checkFunction(index: number): void {
    const most = this.layout.at.MAX_FUNCTIONS;
    if (!Number.isInteger(index) || index < 0 || index > most) {
      throw new TidegateError('TIDEGATE_E_CORE', `functionIndex is ${index}, not a whole number from 0 to ${most}`);
    }
  }

  /** The limits in force. */
  limits(handle: number, direction: Direction): Limits {
    const { at } = this.layout;
    const bucket = this.#record(handle) + (direction === 'out' ? at.OUT_BUCKET : at.IN_BUCKET);
    const bounded = (value: number, most: number): number => (value >= most ? Number.POSITIVE_INFINITY : value);
    return {
      rate: bounded(Number(this.#i64[(bucket + at.BUCKET_RATE) / 8]), at.MAX_RATE),
      burst: bounded(this.#u32[(bucket + at.BUCKET_BURST) / 4], at.MAX_BURST),
      packetRate: bounded(this.#u32[(bucket + at.BUCKET_PACKET_RATE) / 4], at.MAX_BURST),
      packetBurst: bounded(this.#u32[(bucket + at.BUCKET_PACKET_BURST) / 4], at.MAX_BURST),
    };
  }

  /** Level and buffer size that another thread published last. */
  posture(handle: number): { level: number; bufferSize: number } {
    const { at } = this.layout;
    const record = this.#record(handle);
    return {
      level: (this.#u32[(record + at.FLAGS) / 4] >>> at.FLAG_LEVEL_SHIFT) & at.FLAG_LEVEL_MASK,
      bufferSize: Atomics.load(this.#u32, (record + at.LIMITS_BUFFER) / 4),
    };
  }

  counts(handle: number): SessionCounts {
    const { at } = this.layout;
    const record = this.#record(handle);
    const total = (stats: number, field: number): number => this.#f64[(record + stats + field) / 8];
    const event = (name: SessionEvent): number => this.#u32[(record + at.EVENTS) / 4 + this.events[name]];
    return {
      bytesIn: total(at.IN_STATS, at.STAT_TOTAL_BYTES),
      packetsIn: total(at.IN_STATS, at.STAT_TOTAL_PACKETS),
      bytesOut: total(at.OUT_STATS, at.STAT_TOTAL_BYTES),
      packetsOut: total(at.OUT_STATS, at.STAT_TOTAL_PACKETS),
      streamsOpened: event('streamsOpened'),
      resets: event('resets'),
      refusedOpens: event('refusedOpens'),
      malformed: event('malformed'),
      oversized: event('oversized'),
      dropped: event('dropped'),
      waited: event('waited'),
      authFailures: event('authFailures'),
    };
  }

  /** Verdicts by reason, of all sessions that there were. */
  gateCounts(): GateCounts {
    const { at } = this.layout;
    const named = (address: number) =>
      Object.fromEntries(VERDICTS.slice(1).map((name, i) => [name, this.#f64[address / 8 + 1 + i]]));
    return { dropped: named(at.DROPS), waited: named(at.WAITS), clamped: this.#f64[at.CLAMPED / 8] };
  }

  /** One session's features as of `now`, in the order of `layout.features`; the array is used again by the next call. */
  features(handle: number, now: number): Float32Array {
    this.#record(handle);
    const { at } = this.layout;
    this.#u32[at.SCRATCH / 4] = this.slotOf(handle);
    const row = at.SCRATCH + at.ROW;
    this.core.extract(at.SCRATCH, 1, row, now);
    return this.#f32.subarray(row / 4, row / 4 + at.FEATURES);
  }

  /** Address of an open session's record. Throws where there is none. */
  #record(handle: number): number {
    const { at } = this.layout;
    const slot = this.slotOf(handle);
    if (Number.isInteger(handle) && slot < this.#next) {
      const record = slotAddress(at, slot);
      const generation = this.#u32[(record + at.GENERATION) / 4];
      if ((generation & 1) === 1 && ((generation * at.MAX_SLOTS) | slot | 0) === (handle | 0)) return record;
    }
    throw new TidegateError('TIDEGATE_E_CORE', `handle ${handle} names no open session`);
  }

  /** Bytes of linear memory. */
  get memoryBytes(): number {
    return this.memory.buffer.byteLength;
  }
}

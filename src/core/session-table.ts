import { readFileSync } from 'node:fs';
import { TidegateError } from '../quic/errors.js';
import type { CoreExports } from './wasm-exports.js';

const WASM = new URL('../../core.wasm', import.meta.url);
const PAGE = 65536;
const MAX_PAGES = 16384;
const INITIAL_PAGES = 16;

let compiled: WebAssembly.Module | undefined;

/** Counts of one session since it opened. */
export interface SessionCounts {
  bytesIn: number;
  packetsIn: number;
  bytesOut: number;
  packetsOut: number;
  dropped: number;
  waited: number;
}

/**
 * The session table of one shard: the WASM core over a memory of its own, with slots handed out and taken back. Calls
 * for each packet go straight to {@link core}, whose functions clamp and never throw; what is called once a session
 * checks its arguments and throws TIDEGATE_E_CORE.
 */
export class SessionTable {
  readonly core: CoreExports;
  readonly memory: WebAssembly.Memory;
  #capacity: number;
  #next = 0;
  readonly #free: number[] = [];
  #f64: Float64Array;
  #u32: Uint32Array;

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
    this.#capacity = this.core.reserve(Math.min(initialSlots, maxSlots));
    this.#f64 = new Float64Array(this.memory.buffer);
    this.#u32 = new Uint32Array(this.memory.buffer);
  }

  get openSlots(): number {
    return this.#next - this.#free.length;
  }

  /** Opens a session with a full bucket and returns its slot. Throws where the table is full. */
  open(now: number, rate: number, burst: number): number {
    checkRate('rate', rate);
    checkRate('burst', burst);
    const slot = this.#free.pop() ?? this.#nextSlot();
    if (this.core.open(slot, now, rate, burst) === 0) {
      throw new TidegateError('TIDEGATE_E_CORE', `slot ${slot} is taken`);
    }
    return slot;
  }

  #nextSlot(): number {
    if (this.#next >= this.#capacity) {
      const wanted = Math.min(this.#capacity * 2, this.maxSlots);
      if (wanted <= this.#next) {
        throw new TidegateError('TIDEGATE_E_TABLE_FULL', `all ${this.maxSlots} session slots are taken`);
      }
      this.#capacity = this.core.reserve(wanted);
      if (this.#capacity <= this.#next) {
        throw new TidegateError('TIDEGATE_E_TABLE_FULL', `no memory for more than ${this.#capacity} session slots`);
      }
      this.#f64 = new Float64Array(this.memory.buffer);
      this.#u32 = new Uint32Array(this.memory.buffer);
    }
    return this.#next++;
  }

  close(slot: number): void {
    this.#check(slot);
    this.core.close(slot);
    this.#free.push(slot);
  }

  setLimits(slot: number, rate: number, burst: number, now: number): void {
    this.#check(slot);
    checkRate('rate', rate);
    checkRate('burst', burst);
    this.core.setLimits(slot, rate, burst, now);
  }

  counts(slot: number): SessionCounts {
    const { core } = this;
    return {
      bytesIn: this.#float(slot, core.IN_BYTES),
      packetsIn: this.#float(slot, core.IN_PACKETS),
      bytesOut: this.#float(slot, core.OUT_BYTES),
      packetsOut: this.#float(slot, core.OUT_PACKETS),
      dropped: this.#word(slot, core.DROPPED),
      waited: this.#word(slot, core.WAITED),
    };
  }

  generation(slot: number): number {
    return this.#word(slot, this.core.GENERATION);
  }

  #float(slot: number, field: WebAssembly.Global): number {
    return this.#f64[(this.#address(slot) + field.value) / 8];
  }

  #word(slot: number, field: WebAssembly.Global): number {
    return this.#u32[(this.#address(slot) + field.value) / 4];
  }

  #address(slot: number): number {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.#next) {
      throw new TidegateError('TIDEGATE_E_CORE', `slot ${slot} is not in the table`);
    }
    return this.core.tableAddress() + slot * (this.core.STRIDE.value as number);
  }

  #check(slot: number): void {
    if ((this.generation(slot) & 1) === 0) throw new TidegateError('TIDEGATE_E_CORE', `slot ${slot} is closed`);
  }

  /** Bytes of linear memory. */
  get memoryBytes(): number {
    return Math.ceil(this.memory.buffer.byteLength / PAGE) * PAGE;
  }
}

function checkRate(name: string, value: number): void {
  if (!(value >= 0) || value === Number.POSITIVE_INFINITY) {
    throw new TidegateError('TIDEGATE_E_CORE', `${name} is ${value}, not a finite number from 0 on`);
  }
}

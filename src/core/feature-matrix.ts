import type { CoreShare } from './layout.js';
import type { SessionTable } from './session-table.js';
import { headAddress, rowAddress, slotAddress } from './slot-address.js';

/**
 * Rows of features of all live sessions, once a tick, in a double buffer of the core's memory: while one buffer is being
 * written, the other holds the last tick that is complete. Tick numbers are the sequence count: buffer `tick & 1` is safe
 * to read until a tick two later has begun.
 */
export class FeatureMatrixWriter {
  #handles: Int32Array = new Int32Array(0);
  #rows = 0;
  #done = 0;
  #tick = 0;
  #now = 0;
  #i32!: Int32Array;
  #f64!: Float64Array;

  constructor(readonly table: SessionTable) {
    this.#view();
  }

  #view(): void {
    this.#i32 = new Int32Array(this.table.memory.buffer);
    this.#f64 = new Float64Array(this.table.memory.buffer);
  }

  get isWriting(): boolean {
    return this.#done < this.#rows;
  }

  /** Begins a tick over the first `rows` of `handles`, which stay as they are until it is complete. */
  begin(handles: Int32Array, rows: number, now: number): void {
    const { at } = this.table.layout;
    if (this.#i32.buffer !== this.table.memory.buffer) this.#view();
    this.#handles = handles;
    this.#rows = rows;
    this.#done = 0;
    this.#now = now;
    this.#tick = (this.#tick + 1) | 0;
    Atomics.store(this.#i32, at.MATRIX_BEGUN / 4, this.#tick);
    if (rows === 0) this.#complete();
  }

  /** Writes one slice of rows, as many as a chunk holds (0.1 ms where the records are in cache). */
  slice(): void {
    const { table } = this;
    const { at } = table.layout;
    if (this.#i32.buffer !== table.memory.buffer) this.#view();
    const first = this.#done;
    const end = Math.min(first + at.CHUNK_SLOTS, this.#rows);
    const buffer = this.#tick & 1;
    const list = at.SCRATCH / 4;
    for (let row = first; row < end; row++) {
      const handle = this.#handles[row];
      const slot = table.slotOf(handle);
      const record = slotAddress(at, slot);
      const head = headAddress(at, buffer, row);
      this.#i32[list + row - first] = slot;
      this.#i32[head / 4] = handle;
      this.#f64[(head + at.HEAD_BYTES_IN) / 8] = this.#f64[(record + at.IN_STATS + at.STAT_TOTAL_BYTES) / 8];
      this.#f64[(head + at.HEAD_BYTES_OUT) / 8] = this.#f64[(record + at.OUT_STATS + at.STAT_TOTAL_BYTES) / 8];
    }
    table.core.extract(at.SCRATCH, end - first, rowAddress(at, buffer, first), this.#now);
    this.#done = end;
    if (end === this.#rows) this.#complete();
  }

  #complete(): void {
    const { at } = this.table.layout;
    const header = at.MATRIX_BUFFERS + (this.#tick & 1) * at.MATRIX_BUFFER_STRIDE;
    this.#i32[header / 4] = this.#rows;
    this.#f64[header / 8 + 1] = this.#now;
    Atomics.store(this.#i32, at.MATRIX_COMPLETE / 4, this.#tick);
  }
}

/** The rows of one tick: `features` has a row of `layout.features` a session. */
export interface FeatureTick {
  tick: number;
  /** On the shard's clock, ms. */
  now: number;
  rows: number;
  handles: Int32Array;
  features: Float32Array;
  /** Bytes that passed since each session opened, from its client and to it. */
  bytesIn: Float64Array;
  bytesOut: Float64Array;
}

/** Reads the feature matrix of a core that lives in another thread. */
export class FeatureMatrixReader {
  #handles = new Int32Array(0);
  #features = new Float32Array(0);
  #bytesIn = new Float64Array(0);
  #bytesOut = new Float64Array(0);

  constructor(readonly share: CoreShare) {}

  /** The last tick that is complete; 0 before there was one. */
  get tick(): number {
    return Atomics.load(new Int32Array(this.share.memory.buffer), this.share.layout.at.MATRIX_COMPLETE / 4);
  }

  /**
   * Copies the last tick that is complete; its arrays are used again by the next call. Returns null where there is none
   * after `since`, or where the writer has come round while it was copied.
   */
  read(since = 0): FeatureTick | null {
    const { at } = this.share.layout;
    const { buffer } = this.share.memory;
    const i32 = new Int32Array(buffer);
    const f32 = new Float32Array(buffer);
    const f64 = new Float64Array(buffer);
    const tick = Atomics.load(i32, at.MATRIX_COMPLETE / 4);
    if (tick === since || tick === 0) return null;
    const which = tick & 1;
    const header = at.MATRIX_BUFFERS + which * at.MATRIX_BUFFER_STRIDE;
    const rows = i32[header / 4];
    const now = f64[header / 8 + 1];
    if (this.#handles.length < rows) {
      this.#handles = new Int32Array(rows * 2);
      this.#features = new Float32Array(rows * 2 * at.FEATURES);
      this.#bytesIn = new Float64Array(rows * 2);
      this.#bytesOut = new Float64Array(rows * 2);
    }
    for (let first = 0; first < rows; first += at.CHUNK_SLOTS) {
      const end = Math.min(first + at.CHUNK_SLOTS, rows);
      const from = rowAddress(at, which, first) / 4;
      this.#features.set(f32.subarray(from, from + (end - first) * at.FEATURES), first * at.FEATURES);
      let head = headAddress(at, which, first);
      for (let row = first; row < end; row++, head += at.ROW_HEAD) {
        this.#handles[row] = i32[head / 4];
        this.#bytesIn[row] = f64[(head + at.HEAD_BYTES_IN) / 8];
        this.#bytesOut[row] = f64[(head + at.HEAD_BYTES_OUT) / 8];
      }
    }
    // A later tick in the same buffer would have written over what was copied.
    const begun = Atomics.load(i32, at.MATRIX_BEGUN / 4);
    if (((begun - tick) | 0) > 1) return null;
    return {
      tick,
      now,
      rows,
      handles: this.#handles,
      features: this.#features,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
    };
  }
}

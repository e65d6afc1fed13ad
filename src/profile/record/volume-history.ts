import type { HistoryEntry } from '../behavioral-profile.js';

/** Shorter stretches are joined, so that the history reaches back further than its length in ticks. */
const STRETCH = 5;

/** Numbers of an entry: its end (ms), bytes in and out, length (s). */
const FIELDS = 4;
const FIRST_ROOM = 4;

/** Bytes of an entry as it is kept: f64, and three f32, little-endian. */
const PACKED = 20;

/**
 * The volumes of a client's past, oldest first, at most so many entries. Where it is full the two neighbours are joined that
 * are shortest for their age, so that what is long past is kept coarsely and what is recent in detail, and the sums stay.
 * Numbers stand in one array: an entry is no object.
 */
export class VolumeHistory {
  #numbers = new Float64Array(0);
  #length = 0;
  /** What there is of it in the store, until somebody looks: most who open a session do not. */
  #packed: Uint8Array | null = null;

  static of(entries: Iterable<HistoryEntry>): VolumeHistory {
    const history = new VolumeHistory();
    for (const { timestamp, bytesIn, bytesOut, seconds } of entries) {
      history.#push(timestamp, bytesIn, bytesOut, seconds);
    }
    return history;
  }

  /** The histories of one client on two hosts as one. */
  static merged(a: VolumeHistory, b: VolumeHistory, most: number): VolumeHistory {
    const merged = new VolumeHistory();
    for (const { timestamp, bytesIn, bytesOut, seconds } of [...a.entries(), ...b.entries()].sort(
      (x, y) => x.timestamp - y.timestamp,
    )) {
      merged.#push(timestamp, bytesIn, bytesOut, seconds);
      merged.#bound(timestamp, most);
    }
    return merged;
  }

  get length(): number {
    this.#unpack();
    return this.#length;
  }

  /** Adds a stretch that ended at `timestamp`; a short one is joined with the last where that is short too. */
  add(timestamp: number, bytesIn: number, bytesOut: number, seconds: number, most: number): void {
    if (this.#packed !== null) this.#unpack();
    const numbers = this.#numbers;
    const last = (this.#length - 1) * FIELDS;
    if (last >= 0 && numbers[last + 3] < STRETCH && timestamp - numbers[last] < 2 * STRETCH * 1000) {
      numbers[last] = Math.max(numbers[last], timestamp);
      numbers[last + 1] += bytesIn;
      numbers[last + 2] += bytesOut;
      numbers[last + 3] += seconds;
      return;
    }
    this.#push(timestamp, bytesIn, bytesOut, seconds);
    this.#bound(timestamp, most);
  }

  #push(timestamp: number, bytesIn: number, bytesOut: number, seconds: number): void {
    const at = this.#length++ * FIELDS;
    if (at >= this.#numbers.length) {
      const grown = new Float64Array(Math.max(FIRST_ROOM * FIELDS, 2 * this.#numbers.length));
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    const numbers = this.#numbers;
    numbers[at] = timestamp;
    numbers[at + 1] = bytesIn;
    numbers[at + 2] = bytesOut;
    numbers[at + 3] = seconds;
  }

  #bound(now: number, most: number): void {
    if (this.#length <= most) return;
    const numbers = this.#numbers;
    const at = this.#thinnest(now) * FIELDS;
    numbers[at] = Math.max(numbers[at], numbers[at + FIELDS]);
    for (let field = 1; field < FIELDS; field++) numbers[at + field] += numbers[at + FIELDS + field];
    numbers.copyWithin(at + FIELDS, at + 2 * FIELDS, this.#length * FIELDS);
    this.#length--;
  }

  /** Of two neighbours those that are joined first: short for their age. */
  #thinnest(now: number): number {
    const numbers = this.#numbers;
    let [least, thinnest] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i + 1 < this.#length; i++) {
      const at = i * FIELDS;
      const age = Math.max(1, now - numbers[at + FIELDS]);
      const detail = (numbers[at + 3] + numbers[at + FIELDS + 3]) / age;
      if (detail < least) [least, thinnest] = [detail, i];
    }
    return thinnest;
  }

  entries(): HistoryEntry[] {
    this.#unpack();
    const numbers = this.#numbers;
    return Array.from({ length: this.#length }, (_, i) => {
      const at = i * FIELDS;
      return {
        timestamp: numbers[at],
        bytesIn: numbers[at + 1],
        bytesOut: numbers[at + 2],
        seconds: numbers[at + 3],
      };
    });
  }

  /** Bytes that {@link pack} writes. */
  get packedLength(): number {
    return this.#packed?.length ?? this.#length * PACKED;
  }

  pack(view: DataView, from: number): void {
    if (this.#packed !== null) {
      new Uint8Array(view.buffer, view.byteOffset + from).set(this.#packed);
      return;
    }
    const numbers = this.#numbers;
    for (let i = 0, at = from; i < this.#length * FIELDS; i += FIELDS, at += PACKED) {
      view.setFloat64(at, numbers[i], true);
      view.setFloat32(at + 8, numbers[i + 1], true);
      view.setFloat32(at + 12, numbers[i + 2], true);
      view.setFloat32(at + 16, numbers[i + 3], true);
    }
  }

  /** A history as {@link pack} wrote it. The bytes are taken, not copied. */
  static packed(bytes: Uint8Array): VolumeHistory {
    const history = new VolumeHistory();
    history.#packed = bytes;
    return history;
  }

  #unpack(): void {
    const bytes = this.#packed;
    if (bytes === null) return;
    this.#packed = null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#length = Math.floor(bytes.length / PACKED);
    this.#numbers = new Float64Array(this.#length * FIELDS);
    const numbers = this.#numbers;
    for (let i = 0, at = 0; i < numbers.length; i += FIELDS, at += PACKED) {
      numbers[i] = view.getFloat64(at, true);
      numbers[i + 1] = view.getFloat32(at + 8, true);
      numbers[i + 2] = view.getFloat32(at + 12, true);
      numbers[i + 3] = view.getFloat32(at + 16, true);
    }
  }
}

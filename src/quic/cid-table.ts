import { CID_LENGTH } from './connection-id.js';

const EMPTY = -1;
const DELETED = -2;

/**
 * Connection IDs to small integers: an open-addressing hash table over typed arrays, so that finding the owner of a
 * packet makes no string, no object and no call out of JavaScript. IDs are AES output that we chose, hence uniform and
 * not to be steered by a peer: their first word serves as the hash.
 */
export class CidTable {
  #mask: number;
  #words: Int32Array;
  #values: Int32Array;
  #used = 0;
  #size = 0;

  constructor(capacity = 1024) {
    this.#mask = capacity - 1;
    this.#words = new Int32Array(capacity * 4);
    this.#values = new Int32Array(capacity).fill(EMPTY);
  }

  get size(): number {
    return this.#size;
  }

  /** The value of the ID at `at` of `bytes`, or -1. The first octet only names key and length and is not compared. */
  get(bytes: Uint8Array, at: number): number {
    const slot = this.#find(bytes, at);
    return slot < 0 ? -1 : this.#values[slot];
  }

  set(id: Uint8Array, value: number): void {
    const found = this.#find(id, 0);
    if (found >= 0) {
      this.#values[found] = value;
      return;
    }
    if ((this.#used + 1) * 2 > this.#mask) this.#rehash();
    let slot = word(id, 1) & this.#mask;
    while (this.#values[slot] >= 0) slot = (slot + 1) & this.#mask;
    if (this.#values[slot] === EMPTY) this.#used++;
    for (let i = 0; i < 4; i++) this.#words[slot * 4 + i] = word(id, 1 + i * 4);
    this.#values[slot] = value;
    this.#size++;
  }

  delete(id: Uint8Array): void {
    const slot = this.#find(id, 0);
    if (slot < 0) return;
    this.#values[slot] = DELETED;
    this.#size--;
  }

  #find(bytes: Uint8Array, at: number): number {
    if (at + CID_LENGTH > bytes.length) return -1;
    const w0 = word(bytes, at + 1);
    const words = this.#words;
    for (let slot = w0 & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const value = this.#values[slot];
      if (value === EMPTY) return -1;
      const base = slot * 4;
      if (
        value >= 0 &&
        words[base] === w0 &&
        words[base + 1] === word(bytes, at + 5) &&
        words[base + 2] === word(bytes, at + 9) &&
        words[base + 3] === word(bytes, at + 13)
      ) {
        return slot;
      }
    }
  }

  #rehash(): void {
    const words = this.#words;
    const values = this.#values;
    let capacity = this.#mask + 1;
    if (this.#size * 4 > capacity) capacity *= 2;
    this.#mask = capacity - 1;
    this.#words = new Int32Array(capacity * 4);
    this.#values = new Int32Array(capacity).fill(EMPTY);
    this.#used = this.#size;
    for (let old = 0; old < values.length; old++) {
      if (values[old] < 0) continue;
      let slot = words[old * 4] & this.#mask;
      while (this.#values[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
      this.#words.set(words.subarray(old * 4, old * 4 + 4), slot * 4);
      this.#values[slot] = values[old];
    }
  }
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

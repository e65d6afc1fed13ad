import type { CoreShare } from './layout.js';
import { checkLimits, type Limits } from './limits.js';
import { slotAddress } from './slot-address.js';

/** What another thread sets a session to. */
export interface PublishedLimits {
  in: Limits;
  out: Limits;
  /** Security level, 0 to 3. */
  level: number;
  /** Bytes that the session may hold unread. */
  bufferSize: number;
}

const float = new Float64Array(1);
const words = new Int32Array(float.buffer);

/**
 * Writes limits into the records of a core that lives in another thread. The gate takes them over with the session's next
 * packet, whole or not at all: a sequence count, odd while a writer is at work, and every word stored and loaded
 * atomically, so that nothing depends on the order in which a processor lets plain stores be seen. Writers may be many;
 * they take turns by that count.
 */
export class LimitsMailbox {
  #words: Int32Array;

  constructor(readonly share: CoreShare) {
    this.#words = new Int32Array(share.memory.buffer);
  }

  /** Publishes limits for a session. Returns false where it is closed. */
  write(handle: number, limits: PublishedLimits): boolean {
    checkLimits(limits.in);
    checkLimits(limits.out);
    const { at } = this.share.layout;
    const record = slotAddress(at, handle & (at.MAX_SLOTS - 1));
    const generation = handle >>> at.SLOT_BITS;
    // The table may have grown since.
    if (record + at.STRIDE > this.#words.byteLength) this.#words = new Int32Array(this.share.memory.buffer);
    if (record + at.STRIDE > this.#words.byteLength) return false;
    const current = Atomics.load(this.#words, (record + at.GENERATION) / 4);
    if ((current & 1) === 0 || (current << at.SLOT_BITS) >>> at.SLOT_BITS !== generation) return false;
    const lock = (record + at.PUBLISHED) / 4;
    const odd = this.#acquire(lock);
    this.#store(record + at.LIMITS_GENERATION, generation);
    this.#storeLimits(record + at.IN_LIMITS, limits.in);
    this.#storeLimits(record + at.OUT_LIMITS, limits.out);
    this.#store(record + at.LIMITS_LEVEL, limits.level);
    this.#store(record + at.LIMITS_BUFFER, Math.min(limits.bufferSize, at.MAX_BURST));
    Atomics.store(this.#words, lock, (odd + 1) | 0);
    return true;
  }

  /** Makes the count odd. Another writer holds it for some hundred nanoseconds at most. */
  #acquire(lock: number): number {
    for (;;) {
      const count = Atomics.load(this.#words, lock);
      if ((count & 1) === 0 && Atomics.compareExchange(this.#words, lock, count, (count + 1) | 0) === count) {
        return (count + 1) | 0;
      }
    }
  }

  #storeLimits(address: number, limits: Limits): void {
    const { at } = this.share.layout;
    float[0] = Math.min(limits.rate, at.MAX_RATE);
    Atomics.store(this.#words, (address + at.LIMIT_RATE) / 4, words[0]);
    Atomics.store(this.#words, (address + at.LIMIT_RATE) / 4 + 1, words[1]);
    this.#store(address + at.LIMIT_BURST, Math.min(limits.burst, at.MAX_BURST));
    this.#store(address + at.LIMIT_PACKET_RATE, Math.min(limits.packetRate, at.MAX_BURST));
    this.#store(address + at.LIMIT_PACKET_BURST, Math.min(limits.packetBurst, at.MAX_BURST));
  }

  /** An unsigned word; fractions are cut. */
  #store(address: number, value: number): void {
    Atomics.store(this.#words, address / 4, Math.floor(value) | 0);
  }
}

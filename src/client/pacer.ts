/** Bytes that are handed on at once: a wait for more would be one for the whole burst. */
export const PACED_CHUNK = 16_384;

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** A token bucket on the client's side: who keeps to the host's limits loses nothing to them. Times in ms. */
export class Pacer {
  #rate = NO_LIMIT;
  #burst = NO_LIMIT;
  #tokens = NO_LIMIT;
  #at = 0;

  constructor(readonly now: () => number = () => performance.now()) {}

  /** Bytes/s and bytes at once, from now on; as much as there is unless told. */
  set(rate = NO_LIMIT, burst = NO_LIMIT): void {
    this.#fill();
    // The host's bucket is full too at first.
    this.#tokens = Math.min(this.#burst === NO_LIMIT ? burst : this.#tokens, burst);
    this.#rate = rate;
    this.#burst = burst;
  }

  #fill(): void {
    const now = this.now();
    if (this.#rate !== NO_LIMIT) {
      this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    }
    this.#at = now;
  }

  /** Takes tokens for so many bytes and returns the ms to wait for them: what was taken before is owed first. */
  take(bytes: number): number {
    if (this.#rate === NO_LIMIT) return 0;
    this.#fill();
    this.#tokens -= bytes;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate) * 1000;
  }
}

/** Bytes that are handed on at once: a wait for more would be one for the whole burst. */
export const PACED_CHUNK = 16_384;

/** A token bucket on the client's side: who keeps to the host's limits loses nothing to them. Times in ms. */
export class Pacer {
  #rate = Number.POSITIVE_INFINITY;
  #burst = Number.POSITIVE_INFINITY;
  #tokens = Number.POSITIVE_INFINITY;
  #at = 0;

  constructor(readonly now: () => number = () => performance.now()) {}

  /** Bytes/s and bytes at once, from now on. */
  set(rate: number, burst: number): void {
    this.#fill();
    // The host's bucket is full too at first.
    this.#tokens = Math.min(this.#burst === Number.POSITIVE_INFINITY ? burst : this.#tokens, burst);
    this.#rate = rate;
    this.#burst = burst;
  }

  #fill(): void {
    const now = this.now();
    if (this.#rate !== Number.POSITIVE_INFINITY) {
      this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate);
    }
    this.#at = now;
  }

  /** Takes tokens for so many bytes and returns the ms to wait for them: what was taken before is owed first. */
  take(bytes: number): number {
    if (this.#rate === Number.POSITIVE_INFINITY) return 0;
    this.#fill();
    this.#tokens -= bytes;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#rate) * 1000;
  }
}

export interface GoodputLimits {
  /** Bytes on the wire in a second below which nothing is judged. */
  freeBytesPerSecond: number;
  /** Least share of wire bytes that has to be payload delivered. */
  minRatio: number;
  /** Seconds in a row below the ratio until the connection is closed. */
  strikes: number;
}

/**
 * Bytes on the wire against bytes of use, per connection and second. What an old engine can be made to burn on
 * (PATH_CHALLENGE, CRYPTO and connection-ID floods, optimistic ACKs, see the security page) carries no payload, so one
 * that burns bytes for nothing shows here whatever its trick.
 */
export class GoodputGuard {
  #windowStart = 0;
  #wire = 0;
  #useful = 0;
  #strikes = 0;
  /** UDP bytes for a byte of use in the last second that is complete; 1 where there was nothing. */
  ratio = 1;

  constructor(readonly limits: GoodputLimits) {}

  addUseful(bytes: number): void {
    this.#useful += bytes;
  }

  /** Counts wire bytes; true where the connection has to go (close with H3_EXCESSIVE_LOAD). */
  addWire(bytes: number, now: number): boolean {
    if (now - this.#windowStart >= 1000) {
      const { freeBytesPerSecond, minRatio, strikes } = this.limits;
      const wasteful = this.#wire > freeBytesPerSecond && this.#useful < this.#wire * minRatio;
      this.#strikes = wasteful ? this.#strikes + 1 : 0;
      this.ratio = (this.#wire + 1) / (this.#useful + 1);
      this.#windowStart = now;
      this.#wire = 0;
      this.#useful = 0;
      if (this.#strikes >= strikes) return true;
    }
    this.#wire += bytes;
    return false;
  }
}

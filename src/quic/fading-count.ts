/** ms in which what was counted fades to a third. */
const FADES_MS = 1000;

/** A count of what came to pass lately: each counts less by the time. Times go in, ms. */
export class FadingCount {
  #count = 0;
  #at = 0;

  lately(now: number): number {
    return this.#count * Math.exp(Math.min(0, this.#at - now) / FADES_MS);
  }

  add(now: number): void {
    this.#count = this.lately(now) + 1;
    this.#at = Math.max(this.#at, now);
  }
}

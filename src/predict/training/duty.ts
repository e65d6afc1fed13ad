/** ms between two looks whether a pause is over. */
const PAUSE_MS = 200;

/** Keeps a piece of work to a share of a processor: after each stretch of work it rests in proportion, or while it is paused. */
export class Duty {
  isPaused = false;
  #workedSince = performance.now();

  constructor(
    /** Above 0, at most 1. */
    readonly share: number,
    readonly now: () => number = () => performance.now(),
  ) {
    this.#workedSince = now();
  }

  /** Ends a stretch of work, and begins the next. */
  async rest(): Promise<void> {
    const worked = this.now() - this.#workedSince;
    const rest = worked * (1 / this.share - 1);
    await new Promise((resolve) => setTimeout(resolve, rest));
    while (this.isPaused) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    this.#workedSince = this.now();
  }
}

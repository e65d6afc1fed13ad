import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

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

/**
 * Puts this process behind all others: the lowest priority, and on Linux the first that the kernel ends where memory does (in a
 * container of 256 MB it ended the host).
 */
export function yieldToOthers(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Other systems choose by themselves.
  }
}

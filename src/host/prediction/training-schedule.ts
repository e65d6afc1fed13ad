export interface TrainingPolicy {
  enabled: boolean;
  /** Seconds between two runs of the trainer. */
  every: number;
  /** Sequences that there have to be, and that are kept at most. */
  minSequences: number;
  maxSequences: number;
  iterations: number;
  /** Of one processor. */
  cpuShare: number;
  /** Ticks that a new model runs beside the one that serves, and that it is watched for afterwards. */
  shadowTicks: number;
  watchTicks: number;
}

/** Drift: the model's live error, of the average's, is so much above what it was at its best. */
const DRIFT = 1.15;
/** Seconds that lie between two runs for drift. */
const DRIFT_EVERY = 600;

/** When to train: on a schedule, and when the model is seen to drift. Times in ms. */
export class TrainingSchedule {
  #last: number;
  #best = Number.POSITIVE_INFINITY;

  constructor(
    readonly policy: TrainingPolicy,
    startedAt: number,
  ) {
    this.#last = startedAt;
  }

  /** Another model serves. */
  reset(): void {
    this.#best = Number.POSITIVE_INFINITY;
  }

  /** Why to train now; null: not yet. `ratio` is the model's live error over the average's, null where too little is known. */
  due(now: number, sequences: number, ratio: number | null): 'schedule' | 'drift' | null {
    if (ratio !== null) this.#best = Math.min(this.#best, ratio);
    if (!this.policy.enabled || sequences < this.policy.minSequences) return null;
    const seconds = (now - this.#last) / 1000;
    const hasDrifted = ratio !== null && ratio > this.#best * DRIFT;
    const reason = seconds >= this.policy.every ? 'schedule' : hasDrifted && seconds >= DRIFT_EVERY ? 'drift' : null;
    if (reason !== null) this.#last = now;
    return reason;
  }
}

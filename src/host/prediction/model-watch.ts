/** Forecasts of the next tick that have to be compared before a model is sent back. */
const LEAST = 500;
/** It is sent back where its error, of the average's, is so much above that of the one before. */
const WORSE = 1.1;

/** Watches a model that has just begun to serve, against how the one before it did. */
export class ModelWatch {
  #left: number;

  constructor(
    readonly model: string,
    /** The live error of the one before, over the average's at the time; null: not known. */
    readonly before: number | null,
    ticks: number,
  ) {
    this.#left = ticks;
  }

  /** Whether the watch is over. */
  get isOver(): boolean {
    return this.#left <= 0;
  }

  /** Lets a tick pass. Returns why the model is to be sent back; null: it stays. */
  tick(compared: number, error: number, averageError: number): string | null {
    this.#left--;
    if (compared < LEAST) return null;
    const ratio = error / averageError;
    if (!(error <= averageError * WORSE)) {
      return `its live error is ${error.toFixed(3)}, the average's ${averageError.toFixed(3)}`;
    }
    if (this.before !== null && ratio > this.before * WORSE) {
      return `its live error is ${ratio.toFixed(3)} of the average's, that of the one before was ${this.before.toFixed(3)}`;
    }
    return null;
  }
}

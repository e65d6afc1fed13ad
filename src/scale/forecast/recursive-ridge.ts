/**
 * Ridge regression that learns on, one example at a time: recursive least squares with forgetting (Haykin, Adaptive
 * Filter Theory, chapter 10). `P` is the inverse of the decayed sum of x x' plus the ridge.
 */
export class RecursiveRidge {
  readonly weights: Float64Array;
  readonly #inverse: Float64Array;
  readonly #gain: Float64Array;
  readonly #most: number;

  constructor(
    readonly columns: number,
    /** What an example counts after the next. */
    readonly forgetting: number,
    ridge = 0.01,
  ) {
    this.weights = new Float64Array(columns);
    this.#inverse = new Float64Array(columns * columns);
    this.#gain = new Float64Array(columns);
    this.#most = 1 / ridge;
    for (let i = 0; i < columns; i++) this.#inverse[i * columns + i] = this.#most;
  }

  predict(x: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.columns; i++) sum += this.weights[i] * x[i];
    return sum;
  }

  /** Learns that `y` came of `x`. */
  learn(x: Float64Array, y: number): void {
    const { columns, weights, forgetting } = this;
    const inverse = this.#inverse;
    const gain = this.#gain;
    let power = forgetting;
    for (let i = 0; i < columns; i++) {
      let sum = 0;
      for (let j = 0, at = i * columns; j < columns; j++, at++) sum += inverse[at] * x[j];
      gain[i] = sum;
      power += x[i] * sum;
    }
    const error = y - this.predict(x);
    if (!Number.isFinite(error) || !(power > 0)) return;
    for (let i = 0; i < columns; i++) weights[i] += (gain[i] * error) / power;
    for (let i = 0; i < columns; i++) {
      const factor = gain[i] / power;
      for (let j = 0, at = i * columns; j < columns; j++, at++) {
        inverse[at] = (inverse[at] - factor * gain[j]) / forgetting;
      }
      // Forgetting without news lets it grow without end: columns that say nothing are held to the ridge.
      const place = i * columns + i;
      if (inverse[place] > this.#most) inverse[place] = this.#most;
    }
  }
}

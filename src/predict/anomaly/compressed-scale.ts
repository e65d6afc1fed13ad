/** Values until the median and the deviation follow by steps. */
const START = 20;

/**
 * A stream in units of its own spread, large values compressed: `asinh((x - median) / deviation)`, which is linear
 * within the usual spread and logarithmic beyond. Where a metric is mostly small and at times a thousand times larger,
 * this is the scale on which a change of the small values is seen. Median and median absolute deviation are followed by
 * stochastic approximation (Robbins & Monro 1951): a step up or down by the sign alone, so that no value, however
 * large, moves them far.
 */
export class CompressedScale {
  #median = 0;
  #deviation = 0;
  #seen = 0;

  /** The value on the compressed scale; then it moves the scale. */
  next(value: number): number {
    if (this.#seen === 0) this.#median = value;
    const distance = value - this.#median;
    const scaled = Math.asinh(distance / (this.#deviation + 1e-9 * (1 + Math.abs(this.#median))));
    if (this.#seen++ < START) {
      this.#median += distance / this.#seen;
      this.#deviation += (Math.abs(value - this.#median) - this.#deviation) / this.#seen;
      return scaled;
    }
    const step = Math.max(2 / Math.min(this.#seen, 200), 0.01) * this.#deviation;
    this.#median += Math.sign(distance) * Math.min(step, Math.abs(distance));
    const error = Math.abs(distance) - this.#deviation;
    this.#deviation += Math.sign(error) * Math.min(Math.max(this.#deviation, 1e-9) * 0.02, Math.abs(error));
    return scaled;
  }
}

/**
 * Least squares, one example at a time (Plackett 1950): after each, the weights are those that minimise
 *
 *     sum_i memory^(n-i) (y_i - w x_i)^2 + |w - w_0|^2 / trust
 *
 * without any example being kept.
 */
export class RecursiveLeastSquares {
  readonly weights: Float64Array;
  /** Inverse of the matrix of second moments, row by row. */
  readonly #inverse: Float64Array;
  readonly #product: Float64Array;

  constructor(
    readonly size: number,
    /** 1: nothing is forgotten. */
    readonly memory: number,
    /** How far weights may be from where they begin, before examples say so. */
    trust: number,
  ) {
    this.weights = new Float64Array(size);
    this.#product = new Float64Array(size);
    this.#inverse = new Float64Array(size * size);
    for (let i = 0; i < size; i++) this.#inverse[i * size + i] = trust;
  }

  predict(row: Float64Array): number {
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += this.weights[i] * row[i];
    return sum;
  }

  learn(row: Float64Array, truth: number): void {
    const { size, memory } = this;
    const [inverse, product] = [this.#inverse, this.#product];
    let scale = memory;
    for (let i = 0; i < size; i++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += inverse[i * size + k] * row[k];
      product[i] = sum;
      scale += sum * row[i];
    }
    const error = truth - this.predict(row);
    for (let i = 0; i < size; i++) {
      const gain = product[i] / scale;
      this.weights[i] += gain * error;
      for (let k = 0; k < size; k++) inverse[i * size + k] = (inverse[i * size + k] - gain * product[k]) / memory;
    }
  }
}

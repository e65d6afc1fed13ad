/** What a regression keeps, to go on from another time. */
export interface RidgeState {
  moments: Float64Array;
  products: Float64Array;
  count: number;
}

/**
 * Least squares with forgetting and a penalty, several targets at once: the weights minimise
 *
 *     sum_i memory^(n-i) |y_i - w x_i|^2 + penalty |w|^2
 *
 * Moments are summed with each example; the equations are solved (Cholesky) by {@link solve}, or after each `every`
 * examples. Weights are 0 until then.
 */
export class RidgeRegression {
  /** Lower triangle of sum x x', row by row, and sum x y by target. */
  #moments: Float64Array;
  #products: Float64Array;
  readonly #weights: Float64Array;
  readonly #factor: Float64Array;
  /** Instead of making all that was smaller, what comes is made larger. */
  #gain = 1;
  #count = 0;

  constructor(
    readonly size: number,
    readonly targets: number,
    readonly options: { memory: number; penalty: number; every: number },
  ) {
    const triangle = (size * (size + 1)) / 2;
    this.#moments = new Float64Array(triangle);
    this.#factor = new Float64Array(triangle);
    this.#products = new Float64Array(size * targets);
    this.#weights = new Float64Array(size * targets);
  }

  get count(): number {
    return this.#count;
  }

  predict(row: Float64Array, target = 0): number {
    const weights = this.#weights;
    const { size } = this;
    const at = target * size;
    let sum = 0;
    for (let i = 0; i < size; i++) sum += weights[at + i] * row[i];
    return sum;
  }

  learn(row: Float64Array, truths: readonly number[]): void {
    const { size, targets } = this;
    const { memory, every } = this.options;
    this.#gain /= memory;
    if (this.#gain > 1e6) this.#rescale();
    let at = 0;
    for (let i = 0; i < size; i++) {
      const scaled = row[i] * this.#gain;
      for (let target = 0; target < targets; target++) this.#products[target * size + i] += scaled * truths[target];
      for (let k = 0; k <= i; k++) this.#moments[at++] += scaled * row[k];
    }
    this.#count++;
    if (this.#count % every === 0) this.solve();
  }

  #rescale(): void {
    const { size } = this;
    for (let i = 0; i < this.#moments.length; i++) this.#moments[i] /= this.#gain;
    for (let i = 0; i < size * this.targets; i++) this.#products[i] /= this.#gain;
    this.#gain = 1;
  }

  /** Works out the weights anew. */
  solve(): void {
    const { size, targets } = this;
    const factor = this.#factor;
    const penalty = this.options.penalty * this.#gain;
    const rowAt = (i: number): number => (i * (i + 1)) / 2;
    for (let i = 0; i < size; i++) {
      const from = rowAt(i);
      for (let k = 0; k <= i; k++) {
        const other = rowAt(k);
        let sum = this.#moments[from + k] + (i === k ? penalty : 0);
        for (let j = 0; j < k; j++) sum -= factor[from + j] * factor[other + j];
        if (i === k) {
          // Rounding on columns that are nearly the same: the weights stay as they are.
          if (!(sum > 0)) return;
          factor[from + k] = Math.sqrt(sum);
        } else factor[from + k] = sum / factor[other + k];
      }
    }
    for (let target = 0; target < targets; target++) {
      const at = target * size;
      const weights = this.#weights;
      for (let i = 0; i < size; i++) {
        let sum = this.#products[at + i];
        for (let k = 0; k < i; k++) sum -= factor[rowAt(i) + k] * weights[at + k];
        weights[at + i] = sum / factor[rowAt(i) + i];
      }
      for (let i = size - 1; i >= 0; i--) {
        let sum = weights[at + i];
        for (let k = i + 1; k < size; k++) sum -= factor[rowAt(k) + i] * weights[at + k];
        weights[at + i] = sum / factor[rowAt(i) + i];
      }
    }
  }

  /** What is known, to be kept. */
  get state(): RidgeState {
    this.#rescale();
    return { moments: this.#moments, products: this.#products, count: this.#count };
  }

  /** Goes on from a state. Returns false where it is of another shape. */
  restore({ moments, products, count }: RidgeState): boolean {
    if (moments.length !== this.#moments.length || products.length !== this.#products.length) return false;
    this.#moments = moments.slice();
    this.#products = products.slice();
    this.#gain = 1;
    this.#count = count;
    this.solve();
    return true;
  }
}

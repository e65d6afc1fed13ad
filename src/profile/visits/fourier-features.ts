/** Small, seeded: the features have to be the same at each start (Marsaglia 2003, xorshift32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/**
 * Random Fourier features (Rahimi & Recht 2007): with w drawn from a normal distribution of deviation 1/width and b from
 * 0 to 2 pi, the products of cos(w x + b) come near to a Gaussian kernel, so that a linear model on them is nearly kernel
 * regression, at a cost that does not grow with the examples.
 */
export class FourierFeatures {
  readonly #weights: Float64Array;
  readonly #phases: Float64Array;

  constructor(
    readonly inputs: number,
    readonly size: number,
    width: number,
    seed = 1,
  ) {
    const random = generator(seed);
    const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    this.#weights = Float64Array.from({ length: inputs * size }, () => normal() / width);
    this.#phases = Float64Array.from({ length: size }, () => 2 * Math.PI * random());
  }

  /** Writes the features of `row` at `at`. */
  write(row: Float64Array, into: Float64Array, at: number): void {
    for (let k = 0; k < this.size; k++) {
      let sum = this.#phases[k];
      const from = k * this.inputs;
      for (let i = 0; i < this.inputs; i++) sum += this.#weights[from + i] * row[i];
      into[at + k] = Math.cos(sum);
    }
  }
}

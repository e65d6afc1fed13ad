import { CONSTANTS, type DetectorConstants } from './constants.js';

/** Fewest values that make a tail. */
const FEWEST_IN_TAIL = 10;

/** Values before which nothing is surprising. */
const LEARNING = 50;

/** Heaviest tail believed in: with a shape of 1/2 and more the variance, from which it is estimated, has no limit. */
const HEAVIEST = 0.5;

/**
 * How surprising the next value of a stream is, in nats: the negative log of the chance of so large a value, by what
 * came before. Peaks over threshold (Pickands 1975; Balkema & de Haan 1974; as a streaming detector: Siffer et al.,
 * "Anomaly Detection in Streams with Extreme Value Theory", KDD 2017): excesses over a high quantile `u` follow a
 * generalised Pareto distribution,
 *
 *   P(X > x) = k / n * (1 + xi * (x - u) / beta) ^ (-1 / xi)
 *
 * with `xi` and `beta` by the method of moments. A value like one that was seen before (within 15 %) is at most as
 * surprising as its rank says: a repeat is no news, whatever the fitted tail makes of it.
 */
export class TailSurprise {
  /** The largest values, in descending order: a tail's of as many values as count. */
  readonly #largest: Float64Array;
  #kept = 0;
  #seen = 0;

  constructor(readonly constants: DetectorConstants = CONSTANTS) {
    this.#largest = new Float64Array(Math.max(FEWEST_IN_TAIL, Math.round(constants.tail * constants.memory)));
  }

  /** Surprise of `value` in nats, at least 0; then it belongs to what was seen. */
  next(value: number): number {
    const surprise = this.#surprise(value);
    this.#add(value);
    return surprise;
  }

  #surprise(value: number): number {
    if (this.#seen < LEARNING) return 0;
    const largest = this.#largest;
    const { alike, memory } = this.constants;
    const tail = Math.min(this.#kept, Math.max(FEWEST_IN_TAIL, Math.floor(this.constants.tail * this.#seen)));
    const threshold = largest[tail - 1];
    if (!(value > threshold)) return 0;
    const count = Math.min(this.#seen, memory);
    const fitted = Math.log(count / tail) + this.#excess(value - threshold, threshold, tail);
    if (value > largest[0] * alike) return fitted;
    let rank = 1;
    while (rank < tail && largest[rank] * alike >= value) rank++;
    return Math.max(0, Math.min(fitted, Math.log(count / (rank + 0.5))));
  }

  /** The negative log of the chance that an excess over the threshold is larger than `excess`. */
  #excess(excess: number, threshold: number, tail: number): number {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < tail - 1; i++) {
      const past = this.#largest[i] - threshold;
      sum += past;
      squares += past * past;
    }
    const mean = sum / (tail - 1) || 1e-12;
    const variance = squares / (tail - 1) - mean * mean;
    const moments = variance > 0 ? 0.5 * (1 - (mean * mean) / variance) : 0;
    const shape = Math.max(0, Math.min(HEAVIEST, moments));
    const relative = excess / (mean * (1 - shape));
    return shape > 1e-3 ? Math.log1p(shape * relative) / shape : relative;
  }

  #add(value: number): void {
    this.#seen++;
    const largest = this.#largest;
    const most = largest.length;
    if (this.#kept === most && value <= largest[most - 1]) return;
    let i = this.#kept < most ? this.#kept++ : most - 1;
    for (; i > 0 && largest[i - 1] < value; i--) largest[i] = largest[i - 1];
    largest[i] = value;
  }
}

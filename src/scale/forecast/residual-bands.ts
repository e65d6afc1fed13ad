import { RecursiveRidge } from './recursive-ridge.js';

/** Errors that quantiles are taken from. */
const KEPT = 1440;
const LEAST = 30;

/** Forgetting of the model of the spread. */
const FORGETTING = 0.9998;

/** Means of squared errors look back on so many minutes. */
const SHORT = 15;
const LONG = 240;

/**
 * Bands around a forecast from its own past errors. How wide they are is learned: the square of the error is regressed
 * on the load that is foretold and on how large errors were of late; errors in units of that spread are kept, and their
 * quantiles are the band (split conformal prediction with a normalised score; Lei et al. 2018), online.
 */
export class ResidualBands {
  readonly #spread = new RecursiveRidge(5, FORGETTING, 0.1);
  readonly #ring = new Float64Array(KEPT);
  readonly #sorted = new Float64Array(KEPT);
  #count = 0;
  #isSorted = true;
  #short = 0;
  #long = 0;
  #unit = 1;
  readonly #x = new Float64Array(5);

  /** What the spread is as of now where `mean` is foretold. */
  spread(mean: number): number {
    this.#describe(mean);
    const squared = this.#spread.predict(this.#x) * this.#unit ** 2;
    // Between a fifth of and five times what it was of late, whatever the regression says.
    const usual = Math.max(this.#long, 1e-9);
    return Math.sqrt(Math.max(usual / 25, Math.min(squared, 25 * Math.max(usual, this.#short))));
  }

  #describe(mean: number): void {
    const unit = this.#unit;
    this.#x[0] = 1;
    this.#x[1] = mean / unit;
    this.#x[2] = (mean / unit) ** 2;
    this.#x[3] = this.#short / unit ** 2;
    this.#x[4] = this.#long / unit ** 2;
  }

  /** A forecast of `mean`, made when the spread was `spread`, turned out to be `value`. */
  learn(mean: number, spread: number, value: number): void {
    const error = value - mean;
    if (!Number.isFinite(error)) return;
    if (this.#count === 0) {
      this.#unit = Math.max(1, Math.abs(value));
      this.#short = error * error;
      this.#long = error * error;
    }
    this.#describe(mean);
    this.#spread.learn(this.#x, Math.min((error / this.#unit) ** 2, 25 * (this.#long / this.#unit ** 2 + 1e-6)));
    this.#short += (error * error - this.#short) / SHORT;
    this.#long += (error * error - this.#long) / LONG;
    this.#ring[this.#count++ % KEPT] = spread > 0 ? error / spread : 0;
    this.#isSorted = false;
  }

  /** The load that is not exceeded with the chance `p`, where `mean` is foretold. */
  quantile(mean: number, spread: number, p: number): number {
    const count = Math.min(this.#count, KEPT);
    if (count < LEAST) return Math.max(0, mean + (p - 0.5) * 2 * Math.sqrt(mean + 1));
    if (!this.#isSorted) {
      this.#sorted.set(this.#ring);
      this.#sorted.subarray(0, count).sort();
      this.#isSorted = true;
    }
    const place = Math.max(0, Math.min(count - 1, p * (count + 1) - 1));
    const below = Math.floor(place);
    const above = Math.min(count - 1, below + 1);
    const value = this.#sorted[below] + (place - below) * (this.#sorted[above] - this.#sorted[below]);
    return Math.max(0, mean + value * spread);
  }
}

import { RidgeRegression } from '../../numeric/ridge-regression.js';

/** Errors that quantiles are taken from. */
const KEPT = 1440;
const LEAST = 30;

const SPREAD = { memory: 0.9998, penalty: 0.1, every: 1 };
const COLUMNS = 5;

/** Means of errors look back on so many minutes. */
const SHORT = 60;
const LONG = 1440;

/** Of a normal distribution: the standard deviation over the mean deviation. */
const DEVIATION = Math.sqrt(Math.PI / 2);

/** What the band holds, and how fast an hour of the day in which it held less or more becomes wider or narrower. */
const HELD = 0.8;
const STEP = 0.01;
const MOST_FACTOR = 2;
const HOURS = 24;
const MINUTES = 60;

/**
 * Bands around a forecast from its own past errors. How wide they are is learned: the size of the error is regressed
 * on the load that is foretold and on how large errors were of late (not its square, which a few large errors would rule);
 * errors in units of that spread are kept, and their quantiles are the band (split conformal prediction with a normalised score; Lei et al. 2018), online. Each hour of the day
 * has a factor that follows how often the band held in it (adaptive conformal inference; Gibbs & Candes 2021).
 */
export class ResidualBands {
  readonly #spread = new RidgeRegression(COLUMNS, 1, SPREAD);
  readonly #ring = new Float64Array(KEPT);
  /** The same in order. */
  readonly #sorted = new Float64Array(KEPT);
  readonly #factors = new Float64Array(HOURS).fill(1);
  #count = 0;
  #short = 0;
  #long = 0;
  #unit = 1;
  readonly #x = new Float64Array(COLUMNS);

  /** What the spread is as of now where `mean` is foretold of a minute of the day. */
  spread(mean: number, minute: number): number {
    this.#describe(mean);
    const told = this.#spread.predict(this.#x) * this.#unit;
    // Between a fifth of and five times what it was of late, whatever the regression says.
    const usual = Math.max(this.#long, 1e-9);
    const bounded = Math.max(usual / 5, Math.min(told, 5 * Math.max(usual, this.#short)));
    return DEVIATION * bounded * this.#factors[Math.floor(minute / MINUTES)];
  }

  #describe(mean: number): void {
    const unit = this.#unit;
    this.#x[0] = 1;
    this.#x[1] = mean / unit;
    this.#x[2] = Math.sqrt(mean / unit);
    this.#x[3] = this.#short / unit;
    this.#x[4] = this.#long / unit;
  }

  /** What was foretold of a minute of the day turned out to be `value`. */
  learn({ mean, spread }: { mean: number; spread: number }, value: number, minute: number): void {
    const error = value - mean;
    if (!Number.isFinite(error)) return;
    const size = Math.abs(error);
    if (this.#count === 0) {
      this.#unit = Math.max(1, Math.abs(value));
      this.#short = size;
      this.#long = size;
    }
    this.#describe(mean);
    const unit = this.#unit;
    this.#spread.learn(this.#x, [Math.min(size / unit, 5 * (this.#long / unit + 1e-3))]);
    this.#short += (size - this.#short) / SHORT;
    this.#long += (size - this.#long) / LONG;
    const relative = spread > 0 ? error / spread : 0;
    if (this.#count >= LEAST) {
      const isHeld = relative >= this.#relative((1 - HELD) / 2) && relative <= this.#relative((1 + HELD) / 2);
      const hour = Math.floor(minute / MINUTES);
      const factor = this.#factors[hour] * Math.exp(STEP * (isHeld ? HELD - 1 : HELD));
      this.#factors[hour] = Math.max(1 / MOST_FACTOR, Math.min(MOST_FACTOR, factor));
    }
    this.#keep(relative);
  }

  #keep(relative: number): void {
    const sorted = this.#sorted;
    const at = this.#count++ % KEPT;
    let size = Math.min(this.#count, KEPT);
    if (this.#count > KEPT) {
      const gone = lowerBound(sorted, size, this.#ring[at]);
      sorted.copyWithin(gone, gone + 1, size);
    }
    size--;
    const place = lowerBound(sorted, size, relative);
    sorted.copyWithin(place + 1, place, size);
    sorted[place] = relative;
    this.#ring[at] = relative;
  }

  /** In units of the spread. */
  #relative(p: number): number {
    const count = Math.min(this.#count, KEPT);
    const place = Math.max(0, Math.min(count - 1, p * (count + 1) - 1));
    const below = Math.floor(place);
    const above = Math.min(count - 1, below + 1);
    return this.#sorted[below] + (place - below) * (this.#sorted[above] - this.#sorted[below]);
  }

  /** The load that is not exceeded with the chance `p`, where `mean` is foretold. */
  quantile(mean: number, spread: number, p: number): number {
    if (this.#count < LEAST) return Math.max(0, mean + (p - 0.5) * 2 * Math.sqrt(mean + 1));
    return Math.max(0, mean + this.#relative(p) * spread);
  }
}

/** The first place of the first `size` numbers, which rise, that is not below `value`. */
function lowerBound(sorted: Float64Array, size: number, value: number): number {
  let [from, to] = [0, size];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

import { LOAD_COLUMNS, type Scale, writeFeatures } from './load-features.js';
import { DAY, LoadHistory, PARTS } from './load-history.js';
import { RecursiveRidge } from './recursive-ridge.js';
import { ResidualBands } from './residual-bands.js';

/** A forecast of the load of one minute. */
export interface LoadForecast {
  /** Minutes ahead: 1 is the minute that has begun. */
  horizon: number;
  mean: number;
  /** How far it may be off, as of now: about a standard deviation. */
  spread: number;
  /** The load that is not exceeded with the chance `p`. */
  quantile(p: number): number;
}

/** What examples count after the next: three and a half days count half. */
const FORGETTING = 0.99986;

/** Minutes before regressions are asked. */
const LEARNING = 60;

/** Experts are weighed by their mean squared error of so many minutes, to this power. */
const MEMORY = 720;
const SHARPNESS = 6;

/** The past minutes of a level, by expert. */
const LEVELS = [2, 8, 30];

/** Forecasts of one horizon: experts, each with its recent error, and the bands of what they say together. */
class Horizon {
  readonly #raw = new RecursiveRidge(LOAD_COLUMNS, FORGETTING);
  readonly #root = new RecursiveRidge(LOAD_COLUMNS, FORGETTING);
  readonly #bands = new ResidualBands();
  readonly #errors = new Float64Array(2 + LEVELS.length + 1);
  /** What was foretold and from what, by the minute that it is of, as far as it has not come. */
  readonly #past: { raw: Float64Array; root: Float64Array; experts: Float64Array; mean: number; spread: number }[];
  mean = 0;
  #spread = 0;

  constructor(readonly minutes: number) {
    this.#past = Array.from({ length: minutes }, () => ({
      raw: new Float64Array(LOAD_COLUMNS),
      root: new Float64Array(LOAD_COLUMNS),
      experts: new Float64Array(this.#errors.length),
      mean: Number.NaN,
      spread: 0,
    }));
  }

  /** The last minute of `history` came: what was foretold of it is compared, and a new forecast made. */
  update(history: LoadHistory, levels: Float64Array, scales: { raw: Scale; root: Scale }): void {
    const last = history.count - 1;
    const slot = this.#past[last % this.minutes];
    const value = history.at(last);
    if (last >= this.minutes && !Number.isNaN(slot.mean)) {
      this.#bands.learn(slot.mean, slot.spread, value);
      const step = Math.max(1 / MEMORY, 1 / (last + 1));
      for (let i = 0; i < this.#errors.length; i++) {
        const error = value - slot.experts[i];
        this.#errors[i] += (error * error - this.#errors[i]) * step;
      }
      // Before that the unit still moves.
      if (last >= LEARNING) {
        this.#raw.learn(slot.raw, scales.raw.to(value));
        this.#root.learn(slot.root, scales.root.to(value));
      }
    }
    const target = last + this.minutes;
    writeFeatures(slot.raw, history, target, scales.raw);
    writeFeatures(slot.root, history, target, scales.root);
    const isLearned = last >= LEARNING + this.minutes;
    slot.experts[0] = isLearned ? scales.raw.from(this.#raw.predict(slot.raw)) : value;
    slot.experts[1] = isLearned ? scales.root.from(this.#root.predict(slot.root)) : value;
    for (let i = 0; i < LEVELS.length; i++) slot.experts[2 + i] = levels[i];
    const yesterday = history.mean(target - DAY - 5, target - DAY + 6);
    const then = history.mean(last - DAY - 29, last - DAY + 1);
    const now = history.mean(last - 29, last + 1);
    slot.experts[2 + LEVELS.length] = then > 0 ? (yesterday * now) / then : now;
    let [sum, weights] = [0, 0];
    const best = Math.max(1e-9, Math.min(...this.#errors));
    for (let i = 0; i < this.#errors.length; i++) {
      if (!Number.isFinite(slot.experts[i])) slot.experts[i] = value;
      const weight = ((best + 1e-9) / (this.#errors[i] + 1e-9)) ** SHARPNESS;
      sum += weight * Math.max(0, slot.experts[i]);
      weights += weight;
    }
    this.mean = sum / weights;
    this.#spread = this.#bands.spread(this.mean);
    slot.mean = this.mean;
    slot.spread = this.#spread;
  }

  get forecast(): LoadForecast {
    const { mean, minutes } = this;
    const spread = this.#spread;
    return { horizon: minutes, mean, spread, quantile: (p) => this.#bands.quantile(mean, spread, p) };
  }
}

/**
 * Forecasts of a load (a count, or an amount, each ten seconds), minutes ahead, with bands. Online: everything is learned
 * from what has come, nothing is set for a series. Two regressions on the same columns, of the load and of its square
 * root, stand beside plain levels and yesterday's shape at today's level; they are weighed by their recent errors.
 * Sans-IO.
 */
export class LoadForecaster {
  readonly history = new LoadHistory();
  readonly #horizons: Horizon[];
  readonly #levels = new Float64Array(LEVELS.length);
  readonly #parts = new Float64Array(PARTS);
  #part = 0;
  /** Mean load, for the scale. */
  #usual = 0;

  /** @param horizons minutes ahead */
  constructor(readonly horizons: readonly number[] = [1, 2, 3, 4, 5, 15, 60]) {
    this.#horizons = horizons.map((minutes) => new Horizon(minutes));
  }

  /** The load of the next ten seconds. What is no number counts as the level. Returns whether a minute is complete. */
  add(load: number): boolean {
    const usual = this.history.count === 0 ? 0 : this.#levels[1] / PARTS;
    this.#parts[this.#part++] = Number.isFinite(load) && load >= 0 ? load : usual;
    if (this.#part < PARTS) return false;
    this.#part = 0;
    this.#minute();
    return true;
  }

  #minute(): void {
    this.history.add(this.#parts);
    const value = this.history.at(this.history.count - 1);
    this.#usual += (value - this.#usual) / Math.min(this.history.count, DAY);
    LEVELS.forEach((span, i) => {
      this.#levels[i] += (value - this.#levels[i]) / Math.min(this.history.count, span);
    });
    // One unit for the life of the forecaster: what was learned is in it.
    if (this.history.count <= LEARNING) this.#unit = Math.max(1, this.#usual);
    const unit = this.#unit;
    const scales = {
      raw: { to: (load: number) => load / unit, from: (scaled: number) => scaled * unit },
      root: {
        to: (load: number) => Math.sqrt(Math.max(0, load) / unit),
        from: (scaled: number) => Math.max(0, scaled) ** 2 * unit,
      },
    };
    for (const horizon of this.#horizons) horizon.update(this.history, this.#levels, scales);
  }

  #unit = 1;

  /** Forecasts as of the last complete minute, by horizon; empty before the first. */
  forecasts(): LoadForecast[] {
    return this.history.count === 0 ? [] : this.#horizons.map(({ forecast }) => forecast);
  }
}

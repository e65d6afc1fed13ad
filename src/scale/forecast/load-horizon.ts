import { RidgeRegression } from '../../numeric/ridge-regression.js';
import { LOAD_COLUMNS, type LoadView, type Scale, TREE_COLUMNS } from './load-features.js';
import { DAY } from './load-history.js';
import { ResidualBands } from './residual-bands.js';
import { ResidualForest } from './residual-forest.js';

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

/** Half-life of an example: three and a half days. */
const REGRESSION = { memory: 0.99986, penalty: 0.1, every: 30 };

/** Minutes before regressions are asked; before that the unit still moves. */
export const LEARNING = 60;

/** Experts are weighed by their mean squared error of so many minutes, to this power. */
const MEMORY = 720;
const SHARPNESS = 6;

/** The forest is believed as far as it was right in so many minutes. */
const TRUST = 2 * DAY;

/** The past minutes of a level, by expert. */
export const LEVELS = [2, 8, 30];

/** Two regressions, levels, yesterday's shape, what others told. */
const YESTERDAY = 2 + LEVELS.length;
const TOLD = YESTERDAY + 1;
const EXPERTS = TOLD + 1;
/** Errors of an expert that are known before it is heard. */
const LEAST_SEEN = 10;

/** What was foretold of a minute, and from what. */
class Foretold {
  readonly plain = new Float64Array(LOAD_COLUMNS);
  readonly root = new Float64Array(LOAD_COLUMNS);
  readonly row = new Float32Array(TREE_COLUMNS);
  readonly experts = new Float64Array(EXPERTS);
  level = 0;
  /** What the experts said together, and what the forest added. */
  together = Number.NaN;
  correction = 0;
  mean = Number.NaN;
  spread = 0;
}

/** Forecasts of one horizon: experts, each with its recent error, what a forest adds to them, and the bands of that. */
export class LoadHorizon {
  readonly #plain = new RidgeRegression(LOAD_COLUMNS, 1, REGRESSION);
  readonly #root = new RidgeRegression(LOAD_COLUMNS, 1, REGRESSION);
  readonly #errors = new Float64Array(EXPERTS);
  readonly #seen = new Float64Array(EXPERTS);
  readonly #forest: ResidualForest;
  /** Means of correction times what was left over, and of its square: their quotient is how far the forest is believed. */
  #agreed = 0;
  #said = 0;
  readonly #bands = new ResidualBands();
  /** By the minute that it is of, as far as that has not come. */
  readonly #past: Foretold[];
  #now: Foretold;

  /** @param minutes ahead */
  constructor(readonly minutes: number) {
    this.#past = Array.from({ length: minutes }, () => new Foretold());
    this.#now = this.#past[0];
    this.#forest = new ResidualForest(TREE_COLUMNS, minutes);
  }

  /**
   * The last minute of what is viewed came: what was foretold of it is compared, and a new forecast made.
   * @param told the load that somebody else foretells; NaN: nobody does
   */
  update(view: LoadView, levels: Float64Array, scales: { plain: Scale; root: Scale }, told: number): void {
    const last = view.history.count - 1;
    const foretold = this.#past[last % this.minutes];
    if (last >= this.minutes && !Number.isNaN(foretold.mean))
      this.#learn(foretold, last, view.history.at(last), scales);
    this.#foretell(foretold, last, view, levels, scales, told);
    this.#now = foretold;
  }

  /** Other minutes came than were foretold: nothing is compared with them, and what is viewed now is gone on from. */
  resume(view: LoadView, levels: Float64Array, scales: { plain: Scale; root: Scale }): void {
    for (const foretold of this.#past) foretold.mean = Number.NaN;
    const last = view.history.count - 1;
    this.#now = this.#past[last % this.minutes];
    this.#foretell(this.#now, last, view, levels, scales, Number.NaN);
  }

  #learn(foretold: Foretold, minute: number, value: number, scales: { plain: Scale; root: Scale }): void {
    this.#bands.learn(foretold, value, minute % DAY);
    for (let i = 0; i < EXPERTS; i++) {
      const error = value - foretold.experts[i];
      if (Number.isNaN(error)) continue;
      this.#seen[i]++;
      this.#errors[i] += (error * error - this.#errors[i]) / Math.min(MEMORY, this.#seen[i]);
    }
    if (minute < LEARNING) return;
    this.#plain.learn(foretold.plain, [scales.plain.to(value)]);
    this.#root.learn(foretold.root, [scales.root.to(value)]);
    const { level, correction } = foretold;
    const left = value - foretold.together;
    this.#agreed += (correction * left - this.#agreed) / TRUST;
    this.#said += (correction * correction - this.#said) / TRUST;
    // Errors count in loads: what is left over in levels counts by the square of its level.
    if (level > 0) this.#forest.learn(foretold.row, left / level, scales.plain.to(level) ** 2);
  }

  #foretell(
    foretold: Foretold,
    last: number,
    view: LoadView,
    levels: Float64Array,
    { plain, root }: { plain: Scale; root: Scale },
    told: number,
  ): void {
    const { history, level } = view;
    const { experts } = foretold;
    const value = history.at(last);
    const target = last + this.minutes;
    view.write(foretold.plain, target, plain);
    view.write(foretold.root, target, root);
    const isLearned = this.#plain.count >= REGRESSION.every;
    experts[0] = isLearned ? plain.from(this.#plain.predict(foretold.plain)) : value;
    experts[1] = isLearned ? root.from(this.#root.predict(foretold.root)) : value;
    experts.set(levels, 2);
    const yesterday = history.mean(target - DAY - 5, target - DAY + 6);
    const then = history.mean(last - DAY - 29, last - DAY + 1);
    const now = history.mean(last - 29, last + 1);
    experts[YESTERDAY] = then > 0 ? (yesterday * now) / then : now;
    experts[TOLD] = told;
    foretold.together = this.#weigh(experts, value);
    foretold.level = level;
    view.writeRow(foretold.row, target, foretold.together);
    foretold.correction = this.#forest.predict(foretold.row) * level;
    const trust = this.#said > 0 ? Math.max(0, Math.min(1, this.#agreed / this.#said)) : 0;
    foretold.mean = Math.max(0, foretold.together + trust * foretold.correction);
    foretold.spread = this.#bands.spread(foretold.mean, target % DAY);
  }

  #weigh(experts: Float64Array, value: number): number {
    let [sum, weights] = [0, 0];
    const isTold = Number.isFinite(experts[TOLD]) && this.#seen[TOLD] >= LEAST_SEEN;
    const heard = isTold ? EXPERTS : TOLD;
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < heard; i++) best = Math.min(best, this.#errors[i]);
    for (let i = 0; i < heard; i++) {
      if (!Number.isFinite(experts[i])) experts[i] = value;
      const weight = ((best + 1e-9) / (this.#errors[i] + 1e-9)) ** SHARPNESS;
      sum += weight * Math.max(0, experts[i]);
      weights += weight;
    }
    return sum / weights;
  }

  /** Grows a tree of the forest. */
  grow(): void {
    this.#forest.grow();
  }

  /** Null where nothing is foretold now. */
  get forecast(): LoadForecast | null {
    const { minutes } = this;
    const { mean, spread } = this.#now;
    if (Number.isNaN(mean)) return null;
    return { horizon: minutes, mean, spread, quantile: (p) => this.#bands.quantile(mean, spread, p) };
  }
}

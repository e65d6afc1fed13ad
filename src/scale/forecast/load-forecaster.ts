import { LoadView, scalesOf } from './load-features.js';
import { DAY, LoadHistory, PARTS } from './load-history.js';
import { LEARNING, LEVELS, type LoadForecast, LoadHorizon } from './load-horizon.js';

const nobody = (): number => Number.NaN;

/** The part of a minute with which a tree is grown: not that with which forecasts are made. */
const GROWING = 3;

/**
 * Forecasts of a load (a count, or an amount, each ten seconds), minutes ahead, with bands. Online: everything is learned
 * from what has come, nothing is set for a series. Two regressions on the same columns, of the load and of its square
 * root, stand beside plain levels and yesterday's shape at today's level; they are weighed by their recent errors. What
 * they leave over a forest corrects, as far as it was right. Sans-IO.
 */
export class LoadForecaster {
  readonly history = new LoadHistory();
  readonly #view = new LoadView(this.history);
  readonly #horizons: LoadHorizon[];
  readonly #levels = new Float64Array(LEVELS.length);
  readonly #parts = new Float64Array(PARTS);
  #part = 0;
  /** Mean load, and the unit of what is learned: it no longer moves when that begins. */
  #usual = 0;
  #scales = scalesOf(1);

  /** @param horizons minutes ahead */
  constructor(readonly horizons: readonly number[] = [1, 2, 3, 4, 5, 15, 60]) {
    this.#horizons = horizons.map((minutes) => new LoadHorizon(minutes));
  }

  /**
   * The load of the next ten seconds. What is no number counts as the level. Returns whether a minute is complete.
   * @param told what somebody who knows more than the series foretells of a minute so far ahead; NaN: nothing. It is
   *   believed as far as it was right.
   */
  add(load: number, told: (minutes: number) => number = nobody): boolean {
    const usual = this.history.count === 0 ? 0 : this.#levels[1] / PARTS;
    this.#parts[this.#part++] = Number.isFinite(load) && load >= 0 ? load : usual;
    if (this.#part === GROWING) this.#horizons[this.history.count % this.#horizons.length].grow();
    if (this.#part < PARTS) return false;
    this.#part = 0;
    this.#minute(told);
    return true;
  }

  /**
   * Minutes that were, each with its load, are put behind the others at once, without learning from them: those of long ago,
   * or a time in which nobody looked. What is no number counts as the level.
   */
  remember(minutes: readonly number[]): void {
    if (minutes.length === 0) return;
    for (const load of minutes) {
      const there = Number.isFinite(load) && load >= 0 ? load : this.#levels[1];
      this.#keep(this.#parts.fill(there / PARTS));
    }
    this.#part = 0;
    this.#view.look();
    for (const horizon of this.#horizons) horizon.resume(this.#view, this.#levels, this.#scales);
  }

  #keep(parts: Float64Array): void {
    this.history.add(parts);
    const { count } = this.history;
    const value = this.history.at(count - 1);
    this.#usual += (value - this.#usual) / Math.min(count, DAY);
    LEVELS.forEach((span, i) => {
      this.#levels[i] += (value - this.#levels[i]) / Math.min(count, span);
    });
    if (count <= LEARNING) this.#scales = scalesOf(Math.max(1, this.#usual));
  }

  #minute(told: (minutes: number) => number): void {
    this.#keep(this.#parts);
    this.#view.look();
    for (const horizon of this.#horizons) horizon.update(this.#view, this.#levels, this.#scales, told(horizon.minutes));
  }

  /** Forecasts as of the last complete minute, by horizon; empty before the first. */
  forecasts(): LoadForecast[] {
    return this.#horizons.flatMap(({ forecast }) => (forecast === null ? [] : [forecast]));
  }
}

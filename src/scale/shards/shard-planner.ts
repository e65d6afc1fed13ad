import { LoadForecaster } from '../forecast/load-forecaster.js';
import { PARTS } from '../forecast/load-history.js';

/** Share of a shard's time that it is to be busy at most: what is left is for what no forecast knows. */
const TARGET = 0.7;
/** Forecast steps ahead, each of {@link PARTS} looks: a shard that is asked for serves within one. */
const AHEAD = 2;
/** Looks from which a trend is read. */
const TREND = 12;
/** What a trend may add to the most that there was of late. */
const MOST_RISE = 1.5;
/** Looks for which fewer shards have to be enough before one is drained. */
const PATIENCE = 60;

/**
 * How many shards there should be, from a look a second at how busy those are that there are: enough for what is forecast for
 * twelve seconds on. More at once; fewer when fewer would have done for a minute. Sans-IO.
 */
export class ShardPlanner {
  readonly #forecaster = new LoadForecaster([1, AHEAD]);
  #looks: number[] = [];
  #fewerFor = 0;

  constructor(
    readonly least: number,
    readonly most: number,
  ) {}

  /** Busy shard-seconds a second that are forecast: the larger of the forecaster's and the trend's; never below 0. */
  get forecast(): number {
    const forecast = this.#forecaster.forecasts().find(({ horizon }) => horizon === AHEAD);
    return Math.max(0, (forecast?.mean ?? 0) / PARTS, this.#trend());
  }

  /** The line of least squares through the last looks, so far ahead. */
  #trend(): number {
    const n = this.#looks.length;
    if (n < TREND) return 0;
    const middle = (n - 1) / 2;
    let [sum, slope, squares] = [0, 0, 0];
    this.#looks.forEach((busy, i) => {
      sum += busy;
      slope += (i - middle) * busy;
      squares += (i - middle) ** 2;
    });
    // A step up is no line: it is not followed into the sky.
    return Math.min(sum / n + (slope / squares) * (middle + AHEAD * PARTS), Math.max(...this.#looks) * MOST_RISE);
  }

  /**
   * Takes a look and says how many shards there should be: at most one more or less than there are.
   * @param busy seconds that all shards were busy for in the last second
   * @param serving shards that take new connections
   */
  look(busy: number, serving: number): number {
    this.#forecaster.add(busy);
    this.#looks.push(busy);
    if (this.#looks.length > TREND) this.#looks.shift();
    const recent = this.#looks.slice(-PARTS);
    const now = recent.reduce((all, value) => all + value, 0) / recent.length;
    // A forecast of what is close to nothing can be off by times.
    const ahead = Math.min(this.forecast, now + serving);
    const wanted = Math.max(this.least, Math.min(this.most, Math.ceil(Math.max(now, ahead) / TARGET)));
    if (wanted >= serving) {
      this.#fewerFor = 0;
      return Math.min(wanted, serving + 1);
    }
    if (++this.#fewerFor < PATIENCE) return serving;
    this.#fewerFor = 0;
    return serving - 1;
  }
}

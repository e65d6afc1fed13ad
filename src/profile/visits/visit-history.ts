import type { Present } from './activity.js';
import type { Begun, Brought } from './brought.js';
import { EMPTY_MEMORY } from './empty-visits.js';
import { FunctionMeans } from './function-means.js';
import { Habits, hourOfWeek } from './habits.js';

const RECENT = 0.3;
const LONGER = 0.1;
/** Of the mean of all clients' visits. */
const ALL = 0.02;
const MOST_HOURS = 40;
const MOST_FUNCTIONS = 12;

/** What one client's visits brought. Those that brought nothing are counted, and in nothing else: see {@link EmptyVisits}. */
export class ClientVisits implements Present {
  count = 0;
  /** Visits of `count` that brought nothing. */
  empty = 0;
  /** The same, with less weight on those that are longer ago: see {@link EmptyVisits}. */
  emptyLately = 0;
  /** Of log1p(bytes): sum, sum of squares. */
  sum = 0;
  squares = 0;
  /** Of log1p(bytes/s). */
  rateSum = 0;
  /** Of log1p(bytes), and of log1p(bytes/s), less what was expected of one who is not known. */
  away = 0;
  rateAway = 0;
  /** Exponentially weighted means of log1p(bytes), of the last three visits or so and of the last ten. */
  recent = 0;
  longer = 0;
  last = 0;
  /** Messages ever, and seconds of the last one. */
  messages = 0;
  lastMessage = Number.NEGATIVE_INFINITY;
  aroundAt = Number.NEGATIVE_INFINITY;
  /** log1p(bytes) by hour of the week, and by function ({@link nameKey}). */
  hours = new Habits(MOST_HOURS);
  functions = new Habits(MOST_FUNCTIONS);

  /** Visits that brought something. */
  get filled(): number {
    return this.count - this.empty;
  }

  /** A visit is over. */
  add({ seconds, functionKeys, prior }: Begun, { bytes, rate }: Brought): void {
    const isFirst = this.filled === 0;
    this.count++;
    this.emptyLately = EMPTY_MEMORY * this.emptyLately + (bytes === 0 ? 1 : 0);
    if (bytes === 0) {
      this.empty++;
      return;
    }
    this.sum += bytes;
    this.squares += bytes * bytes;
    this.rateSum += rate;
    this.away += bytes - prior.bytes;
    this.rateAway += rate - prior.rate;
    this.recent = isFirst ? bytes : this.recent + RECENT * (bytes - this.recent);
    this.longer = isFirst ? bytes : this.longer + LONGER * (bytes - this.longer);
    this.last = bytes;
    this.hours.add(hourOfWeek(seconds), bytes);
    this.functions.add(functionKeys[0], bytes);
  }
}

/** What is kept of all clients' visits, to go on from another time. */
export interface AllVisitsState {
  count: number;
  sum: number;
  squares: number;
  rateSum: number;
  recent: number;
  functions: FunctionMeans['state'];
}

/** Visits of all clients together that are over and brought something. */
export class AllVisits {
  count = 0;
  sum = 0;
  squares = 0;
  rateSum = 0;
  /** Exponentially weighted mean of the last fifty. */
  recent = 0;
  readonly functions = new FunctionMeans();

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  get meanRate(): number {
    return this.count === 0 ? 0 : this.rateSum / this.count;
  }

  /** Standard deviation of log1p(bytes). */
  get deviation(): number {
    return this.count < 2 ? 1 : Math.sqrt(Math.max(0, this.squares / this.count - this.mean ** 2));
  }

  /** @param keys of the function and its families */
  add(keys: readonly number[], { bytes, rate }: Brought): void {
    this.count++;
    this.sum += bytes;
    this.squares += bytes * bytes;
    this.rateSum += rate;
    this.recent = this.count === 1 ? bytes : this.recent + ALL * (bytes - this.recent);
    this.functions.add(keys, { bytes, rate });
  }

  get state(): AllVisitsState {
    const { count, sum, squares, rateSum, recent, functions } = this;
    return { count, sum, squares, rateSum, recent, functions: functions.state };
  }

  restore({ functions, ...numbers }: AllVisitsState): void {
    Object.assign(this, numbers);
    this.functions.restore(functions);
  }
}

import type { Present } from './activity.js';
import { Habits, hourOfWeek } from './habits.js';

/** What a visit brought: logarithms. */
export interface Brought {
  /** log1p(bytes) of its first 300 s, and log1p(bytes/s) of the time in them that it lasted. */
  bytes: number;
  rate: number;
}

const RECENT = 0.3;
const LONGER = 0.1;
/** Of the mean of all clients' visits. */
const ALL = 0.02;
const MOST_HOURS = 40;
const MOST_FUNCTIONS = 12;
/** Functions of all clients. */
const MOST_KNOWN_FUNCTIONS = 4096;

/** What one client's visits brought. */
export class ClientVisits implements Present {
  count = 0;
  /** Of log1p(bytes): sum, sum of squares. */
  sum = 0;
  squares = 0;
  /** Of log1p(bytes/s). */
  rateSum = 0;
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

  /** A visit is over that began at `seconds`. */
  add(seconds: number, functionKey: number, { bytes, rate }: Brought): void {
    const isFirst = this.count === 0;
    this.count++;
    this.sum += bytes;
    this.squares += bytes * bytes;
    this.rateSum += rate;
    this.recent = isFirst ? bytes : this.recent + RECENT * (bytes - this.recent);
    this.longer = isFirst ? bytes : this.longer + LONGER * (bytes - this.longer);
    this.last = bytes;
    this.hours.add(hourOfWeek(seconds), bytes);
    this.functions.add(functionKey, bytes);
  }
}

/** Visits of all clients together that are over. */
export class AllVisits {
  count = 0;
  sum = 0;
  squares = 0;
  rateSum = 0;
  /** Exponentially weighted mean of the last fifty. */
  recent = 0;
  readonly functions = new Habits(MOST_KNOWN_FUNCTIONS);

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

  add(functionKey: number, { bytes, rate }: Brought): void {
    this.count++;
    this.sum += bytes;
    this.squares += bytes * bytes;
    this.rateSum += rate;
    this.recent = this.count === 1 ? bytes : this.recent + ALL * (bytes - this.recent);
    this.functions.add(functionKey, bytes);
  }
}

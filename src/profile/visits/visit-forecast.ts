import { Activity } from './activity.js';
import { RecursiveLeastSquares } from './recursive-least-squares.js';
import { type ClientVisits, hourStretch, VisitHistory } from './visit-history.js';

/** Seconds of silence after which a message begins a visit, and of a visit that count. */
const SILENCE = 900;
const SPAN = 300;
/** Sessions that the mean of all counts beside a client's own, and its own mean beside that of an hour. */
const PRIOR_VISITS = 2;
const PRIOR_HOURS = 3;
/** Visits up to which a client is new: what is learned of those that come often does not hold for it. */
const NEW = 2;
const DAY = 86_400;
/** Seconds since the last visit, of one who never came. */
const NEVER = 1e7;

/** Visits that are kept though they are over. */
const MOST_DONE = 1000;

const KNOWN_COLUMNS = 36;
const NEW_COLUMNS = 6;

interface OpenVisit {
  client: string;
  seconds: number;
  bytes: number;
  row: Float64Array;
  newRow: Float64Array | null;
  /** Mean of all visits when it began. */
  mean: number;
}

/**
 * What a client that comes back will bring in its first five minutes, told before its first message is read: two linear models
 * learned online, of those that were there before (on log1p(bytes)) and of those that are new (on the difference from the mean
 * of all). Features: the client's means, hour and day, time since it was there, how busy it is around it.
 */
export class VisitForecast {
  readonly #history = new VisitHistory();
  readonly #activity = new Activity();
  readonly #known = new RecursiveLeastSquares(KNOWN_COLUMNS, 0.9998, 0.3);
  readonly #new = new RecursiveLeastSquares(NEW_COLUMNS, 1, 0.03);
  readonly #open = new Map<string, OpenVisit>();
  /** Visits whose span is not over, in order of their beginning. */
  readonly #pending: OpenVisit[] = [];
  #done = 0;

  constructor() {
    // Begins as the client's own mean.
    this.#known.weights[3] = 0.8;
    this.#known.weights[1] = 0.2;
  }

  /** Takes a message (times in order, s). Returns the log1p(bytes) expected of the visit that it begins; null: it begins none. */
  message(client: string, seconds: number, bytes: number): number | null {
    this.#finish(seconds);
    this.#activity.advance(seconds);
    const visits = this.#history.of(client);
    const begins = seconds - visits.lastMessage >= SILENCE;
    const expected = begins ? this.#begin(client, visits, seconds) : null;
    const open = this.#open.get(client);
    if (open !== undefined && seconds < open.seconds + SPAN) open.bytes += bytes;
    visits.lastMessage = seconds;
    visits.messages++;
    this.#activity.add(seconds, client, bytes);
    return expected;
  }

  #begin(client: string, visits: ClientVisits, seconds: number): number {
    const mean = this.#history.mean;
    const row = this.#row(client, visits, seconds);
    const newRow = visits.count <= NEW ? newColumns(row) : null;
    const visit = { client, seconds, bytes: 0, row, newRow, mean };
    this.#open.set(client, visit);
    this.#pending.push(visit);
    return Math.max(0, newRow === null ? this.#known.predict(row) : mean + this.#new.predict(newRow));
  }

  /** What a visit brought is known when its span is over, and learned then. */
  #finish(seconds: number): void {
    while (this.#done < this.#pending.length && this.#pending[this.#done].seconds + SPAN <= seconds) {
      const { client, seconds: began, bytes, row, newRow, mean } = this.#pending[this.#done++];
      const brought = Math.log1p(bytes);
      this.#known.learn(row, brought);
      if (newRow !== null) this.#new.learn(newRow, brought - mean);
      this.#history.add(client, began, brought);
    }
    if (this.#done < MOST_DONE) return;
    this.#pending.splice(0, this.#done);
    this.#done = 0;
  }

  #row(client: string, visits: ClientVisits, seconds: number): Float64Array {
    const { mean, recent } = this.#history;
    const { count } = visits;
    const own = (visits.sum + PRIOR_VISITS * mean) / (count + PRIOR_VISITS);
    const stretch = hourStretch(seconds);
    const atHour = (visits.byHour[stretch] + PRIOR_HOURS * own) / (visits.hours[stretch] + PRIOR_HOURS);
    const gap = Math.log(Math.min(seconds - visits.lastMessage, NEVER));
    const deviation = count === 0 ? 1 : Math.sqrt(Math.max(0, visits.squares / count - (visits.sum / count) ** 2));
    const [day, week] = [(2 * Math.PI * seconds) / DAY, Math.floor(seconds / DAY + 4) % 7];
    const { others, lastMinute, silence } = this.#activity.around(client);
    const messages = Array.from(this.#activity.messages, Math.log1p);
    const quiet = Math.log1p(silence);
    const crowd = Math.log1p(others);
    return Float64Array.of(
      ...[1, mean, recent, own],
      ...(count === 0 ? [mean, mean, mean] : [visits.recent, visits.longer, visits.last]),
      ...[Math.log1p(count), 1 / (count + 1), atHour, gap / 4, gap ** 2 / 40, deviation],
      ...[Math.sin(day), Math.cos(day), Math.sin(2 * day), Math.cos(2 * day), week < 5 ? 0 : 1],
      ...messages,
      ...Array.from(this.#activity.bytes, (bytes) => Math.log1p(bytes) / 4),
      ...[crowd, quiet / 2, Math.log1p(lastMinute), gap < Math.log(1800) ? 1 : 0, gap < Math.log(7200) ? 1 : 0],
      ...[Math.log1p(visits.messages / (count + 1)), (messages[1] * own) / 4, (crowd * own) / 4],
      ...[(quiet * own) / 8, (messages[0] * own) / 4],
    );
  }
}

/** Of the columns of all clients those that say something of a new one. */
function newColumns(row: Float64Array): Float64Array {
  return Float64Array.of(1, row[3] - 4, row[26] - 1, row[27] - 2, row[10] - 3, row[7]);
}

import { REQUEST_TYPES, type RequestType } from '../../profile/behavioral-profile.js';
import { kindOfSums } from '../behaviour.js';
import { grown } from '../places.js';
import { Silences } from './silences.js';

/** Factors of the averages over ticks. */
const FACTORS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9] as const;
/** Ticks that are looked back on one by one. */
const MEMORY = 30;
/** Ticks of the shorter look back. */
const RECENT = 5;
const EACH = FACTORS.length;
/** Of those: the average of log1p(bytes), and of bytes, that predicts best; a slower one of bytes. */
const BEST_LOG = 3;
const BEST_BYTES = 4;
const SLOW_BYTES = 2;

/** Columns of bytes, which come first: the graphs take their log1p. */
const BYTES = 3 + EACH + 4;
const OWN_COLUMNS = BYTES + 1 + EACH + 2 + REQUEST_TYPES.length;
const COLUMNS = OWN_COLUMNS + Silences.columns;

/**
 * What sessions did tick by tick, beside the core's features: those decay with every packet, these know how many seconds
 * were empty. Averages of log1p(bytes) are what forecasts of it are measured against; here the model begins with them.
 * Sessions are told apart by their place; the arrays are flat, and nothing is made a tick.
 */
export class TickHistory {
  /** Columns that {@link write} fills, and how many of them, at the beginning, are bytes. */
  static readonly columns = COLUMNS;
  static readonly byteColumns = BYTES;

  /** Places of the averages of log1p(bytes), and of averages of bytes, that predict best on their own. */
  static readonly bestLog = BYTES + 1 + BEST_LOG;
  static readonly bestBytes = 3 + BEST_BYTES;
  /** Place of the first kind. */
  static readonly kinds = BYTES + 1 + EACH + 2;

  #up = new Float32Array(0);
  #down = new Float32Array(0);
  /** Of the ticks that are remembered: bytes up and down, how many had any, the largest. */
  #ups = new Float64Array(0);
  #downs = new Float64Array(0);
  #active = new Uint32Array(0);
  #most = new Float32Array(0);
  #logs = new Float32Array(0);
  #bytes = new Float32Array(0);
  #ticks = new Uint32Array(0);
  readonly #silences = new Silences(0);

  constructor(places = 1) {
    this.grow(places);
  }

  get places(): number {
    return this.#ticks.length;
  }

  /** Makes room for more places; what is there stays. */
  grow(places: number): void {
    this.#up = grown(this.#up, places * MEMORY);
    this.#down = grown(this.#down, places * MEMORY);
    this.#ups = grown(this.#ups, places);
    this.#downs = grown(this.#downs, places);
    this.#active = grown(this.#active, places);
    this.#most = grown(this.#most, places);
    this.#logs = grown(this.#logs, places * EACH);
    this.#bytes = grown(this.#bytes, places * EACH);
    this.#ticks = grown(this.#ticks, places);
    this.#silences.grow(places);
  }

  /** Forgets what was at a place. */
  clear(place: number): void {
    this.#up.fill(0, place * MEMORY, (place + 1) * MEMORY);
    this.#down.fill(0, place * MEMORY, (place + 1) * MEMORY);
    this.#logs.fill(0, place * EACH, (place + 1) * EACH);
    this.#bytes.fill(0, place * EACH, (place + 1) * EACH);
    for (const values of [this.#ups, this.#downs, this.#active, this.#most, this.#ticks]) values[place] = 0;
    this.#silences.clear(place);
  }

  /** The best average of log1p(bytes) at a place: what a forecast without a model says. */
  average(place: number): number {
    return this.#logs[place * EACH + BEST_LOG];
  }

  /** An average of the bytes of a tick: a rate to go by without a model. */
  byteAverage(place: number): number {
    return this.#bytes[place * EACH + SLOW_BYTES];
  }

  /** The same of the last two or so. */
  quickAverage(place: number): number {
    return this.#bytes[place * EACH + BEST_BYTES];
  }

  /** The kind of the last 30 ticks, or of all where there were fewer. */
  kind(place: number): RequestType {
    const ticks = Math.min(this.#ticks[place], MEMORY);
    return kindOfSums(this.#ups[place], this.#downs[place], this.#active[place], ticks);
  }

  /** The bytes of a tick, up and down. */
  add(up: number, down: number, place = 0): void {
    const at = place * MEMORY + (this.#ticks[place] % MEMORY);
    const bytes = up + down;
    this.#forget(place, at);
    this.#up[at] = up;
    this.#down[at] = down;
    this.#ups[place] += up;
    this.#downs[place] += down;
    if (bytes > 0) this.#active[place]++;
    if (bytes > this.#most[place]) this.#most[place] = bytes;
    this.#ticks[place]++;
    const logarithm = bytes === 0 ? 0 : Math.log1p(bytes);
    this.#silences.add(logarithm, place);
    const averages = place * EACH;
    for (let i = 0; i < EACH; i++) {
      this.#logs[averages + i] += FACTORS[i] * (logarithm - this.#logs[averages + i]);
      this.#bytes[averages + i] += FACTORS[i] * (bytes - this.#bytes[averages + i]);
    }
  }

  /** Takes the tick at `at` out of the sums, before another takes its place. */
  #forget(place: number, at: number): void {
    const [up, down] = [this.#up[at], this.#down[at]];
    const bytes = up + down;
    if (bytes === 0) return;
    this.#up[at] = 0;
    this.#down[at] = 0;
    this.#active[place]--;
    const isLast = this.#active[place] === 0;
    // Where nothing is left nothing is left of rounding either.
    this.#ups[place] = isLast ? 0 : this.#ups[place] - up;
    this.#downs[place] = isLast ? 0 : this.#downs[place] - down;
    if (Math.fround(bytes) < this.#most[place]) return;
    let most = 0;
    for (let i = place * MEMORY; i < (place + 1) * MEMORY; i++) most = Math.max(most, this.#up[i] + this.#down[i]);
    this.#most[place] = most;
  }

  /**
   * Writes the columns at `at`. Bytes: up, down and both in the last tick; averages; the largest tick of the last 5 and of
   * the last 30, up and down in those. Then 1 (there were ticks), averages of log1p(bytes), the share of the last 5 and of the last 30 ticks with
   * bytes, the kind of the last 30; then those of {@link Silences}. All 0 where there was no tick.
   */
  write(into: Float32Array, at: number, place = 0): void {
    const ticks = this.#ticks[place];
    if (ticks === 0) {
      into.fill(0, at, at + COLUMNS);
      return;
    }
    const first = place * MEMORY;
    const count = Math.min(ticks, MEMORY);
    const recent = Math.min(ticks, RECENT);
    const last = (ticks - 1) % MEMORY;
    let [recentMost, recentActive] = [0, 0];
    for (let age = 0, i = last; age < recent; age++, i = i === 0 ? MEMORY - 1 : i - 1) {
      const bytes = this.#up[first + i] + this.#down[first + i];
      if (bytes > 0) recentActive++;
      if (bytes > recentMost) recentMost = bytes;
    }
    const [up, down] = [this.#up[first + last], this.#down[first + last]];
    into[at] = up;
    into[at + 1] = down;
    into[at + 2] = up + down;
    into[at + BYTES - 4] = recentMost;
    into[at + BYTES - 3] = this.#most[place];
    into[at + BYTES - 2] = this.#ups[place];
    into[at + BYTES - 1] = this.#downs[place];
    into[at + BYTES] = 1;
    for (let i = 0; i < EACH; i++) {
      into[at + 3 + i] = this.#bytes[place * EACH + i];
      into[at + BYTES + 1 + i] = this.#logs[place * EACH + i];
    }
    const shares = at + BYTES + 1 + EACH;
    into[shares] = recentActive / recent;
    into[shares + 1] = this.#active[place] / count;
    this.#silences.write(into, at + OWN_COLUMNS, place);
    const kind = REQUEST_TYPES.indexOf(this.kind(place));
    for (let i = 0; i < REQUEST_TYPES.length; i++) into[shares + 2 + i] = i === kind ? 1 : 0;
  }
}

import { grown } from '../places.js';
import { AXIS_COUNT, axisOf } from './axes.js';
import { USUALLY_REGULAR } from './function-habits.js';
import { OpeningsSeen } from './openings-seen.js';

/** Messages of up to so many bytes, log1p, can be a beacon's. */
const SMALL = Math.log1p(512);

/** Pauses that show whether they are regular. */
const PAUSES = 4;

/** Pauses without a message after which a clock has stopped. */
const STOPPED = 2;

/** More packets a tick than this are no beacon's. */
const MOST_A_TICK = 2;

/** A forecast that a session is held to follows what is told by this a tick: a minute, about. */
const FOLLOW = 0.02;

/** Below this upload (log1p of bytes in 10 s) nobody asks whether it was foretold. */
const WORTH_ASKING = Math.log1p(30_000);

/** Turns from which on requests and replies are compared, log1p. */
const LEAST_TURNS = Math.log1p(3);

/** Answers of less than three times what asked for them amplify nothing, however often: an echo's don't. */
const LEAST_AMPLIFICATION = Math.log(3);

/** ms that jitter of a clock may have. */
const JITTER_MS = 3;

/** Packets of up to so many bytes, log1p, are a drip's. */
const TINY = Math.log1p(4);

/** A count that has faded to less than this is none. */
const NOTHING = 0.01;

/** Seconds of the half-life of what is counted here. */
const HALF_LIFE = 5;

/** Columns of the core's feature row that the axes read. */
const READ = {
  count1: 'in.count.1s',
  count60: 'in.count.60s',
  bytes10: 'in.bytes.10s',
  size1: 'in.size.1s',
  turns: 'turn.count',
  request: 'turn.request',
  reply: 'turn.reply',
  idleIn: 'idle.in',
  age: 'age',
} as const;

/** Counted events, by the axis that they belong to, and seconds of their half-life. */
const COUNTED = [
  { axis: axisOf('resets'), events: ['resets'], halfLife: 5 },
  { axis: axisOf('refused'), events: ['refusedOpens'], halfLife: 30 },
  { axis: axisOf('authFailures'), events: ['authFailures'], halfLife: 30 },
  { axis: axisOf('malformed'), events: ['malformed', 'oversized'], halfLife: 30 },
  // Streams that wait are held by flow control: it is datagrams sent regardless that break a limit.
  { axis: axisOf('held'), events: ['dropped'], halfLife: 5 },
] as const;

const UPLOAD = axisOf('upload');
const OVER_FORECAST = axisOf('uploadOverForecast');
const OVER_HABIT = axisOf('uploadOverHabit');
const PACKETS = axisOf('packets');
const DRIP = axisOf('drip');
const CLOCKWORK = axisOf('clockwork');
const AMPLIFICATION = axisOf('amplification');
const REPLAY = axisOf('replay');

/**
 * The axes of each session, tick by tick, from the core's features and what was foretold. Sessions are told apart by
 * their place; nothing is made for a session and tick.
 */
export class SessionAxes {
  /** Values, those of a place together, and what those that functions have habits of were at most. */
  values = new Float32Array(0);
  most = new Float32Array(0);
  readonly #at: Record<keyof typeof READ, number>;
  readonly #counted: { axis: number; columns: number[]; keep: number }[];
  readonly #countedColumns: number[];
  readonly #keep: number;
  /** log1p of the ms of a tick, and a little: a session that is idle for longer did nothing in it. */
  readonly #silent: number;
  readonly #openingSizes: number;
  readonly #openingGaps: number;
  readonly #openingPackets: number;
  readonly #seen = new OpeningsSeen();
  /** Decayed counts; totals, and the sums of their logarithms, as of the last tick: by place. */
  #counts = new Float32Array(0);
  #totals = new Float64Array(0);
  #before = new Float32Array(0);
  /** The sum of all that is counted, as of the last tick, and whether any count has not faded. */
  #all = new Float64Array(0);
  #isCounting = new Uint8Array(0);
  /** The forecast that a session is held to; packets before; time of the last packet, its pauses. */
  #told = new Float32Array(0);
  #packets = new Float32Array(0);
  #last = new Float64Array(0);
  /** The last pauses, a ring of each place, and how many there were. */
  #pauses = new Float32Array(0);
  #paused = new Uint32Array(0);
  /** log1p of the ms of silence after which its clock has stopped. */
  #stopped = new Float32Array(0);
  /** Tiny packets and turns, decayed; turns as of the last tick. */
  #tiny = new Float32Array(0);
  #turning = new Float32Array(0);
  #turns = new Float32Array(0);
  #noted = new Uint32Array(0);

  /** @param features names of the core's columns */
  constructor(
    features: readonly string[],
    readonly tickSeconds: number,
  ) {
    const at = (name: string): number => features.indexOf(name);
    this.#at = Object.fromEntries(Object.entries(READ).map(([key, name]) => [key, at(name)])) as Record<
      keyof typeof READ,
      number
    >;
    this.#counted = COUNTED.map(({ axis, events, halfLife }) => ({
      axis,
      columns: events.map((event) => at(`event.${event}`)),
      keep: 2 ** (-tickSeconds / halfLife),
    }));
    this.#countedColumns = this.#counted.flatMap(({ columns }) => columns);
    this.#silent = Math.log1p(tickSeconds * 1100);
    this.#keep = 2 ** (-tickSeconds / HALF_LIFE);
    this.#openingSizes = at('opening.size.1');
    this.#openingGaps = at('opening.gap.1');
    this.#openingPackets = this.#openingGaps - this.#openingSizes;
  }

  grow(places: number): void {
    this.values = grown(this.values, places * AXIS_COUNT);
    this.most = grown(this.most, places * AXIS_COUNT);
    this.#counts = grown(this.#counts, places * this.#counted.length);
    this.#totals = grown(this.#totals, places * this.#counted.length);
    this.#before = grown(this.#before, places * this.#counted.length);
    this.#all = grown(this.#all, places);
    this.#isCounting = grown(this.#isCounting, places);
    this.#told = grown(this.#told, places);
    this.#packets = grown(this.#packets, places);
    this.#last = grown(this.#last, places);
    this.#pauses = grown(this.#pauses, places * PAUSES);
    this.#paused = grown(this.#paused, places);
    this.#stopped = grown(this.#stopped, places);
    this.#tiny = grown(this.#tiny, places);
    this.#turning = grown(this.#turning, places);
    this.#turns = grown(this.#turns, places);
    this.#noted = grown(this.#noted, places);
  }

  /** Another session has the place. */
  clear(place: number): void {
    this.values.fill(0, place * AXIS_COUNT, (place + 1) * AXIS_COUNT);
    this.most.fill(0, place * AXIS_COUNT, (place + 1) * AXIS_COUNT);
    const counts = this.#counted.length;
    this.#counts.fill(0, place * counts, (place + 1) * counts);
    this.#totals.fill(0, place * counts, (place + 1) * counts);
    this.#before.fill(0, place * counts, (place + 1) * counts);
    this.#pauses.fill(0, place * PAUSES, (place + 1) * PAUSES);
    this.#all[place] = 0;
    this.#isCounting[place] = 0;
    this.#told[place] = 0;
    this.#packets[place] = 0;
    this.#last[place] = 0;
    this.#paused[place] = 0;
    this.#stopped[place] = 0;
    this.#tiny[place] = 0;
    this.#turning[place] = 0;
    this.#turns[place] = 0;
    this.#noted[place] = 0;
  }

  /** A session that has been going on has the place: what was counted before is nothing that it does now. */
  join(place: number, features: Float32Array, at: number): void {
    this.#count(place, features, at, place * AXIS_COUNT);
    const counts = this.#counted.length;
    this.#counts.fill(0, place * counts, (place + 1) * counts);
    this.#isCounting[place] = 0;
    this.values.fill(0, place * AXIS_COUNT, (place + 1) * AXIS_COUNT);
    this.#turns[place] = features[at + this.#at.turns];
  }

  /**
   * A tick of the session at `place`.
   * @param features feature rows of the core; the session's begins at `at`
   * @param told log1p of the bytes of 10 s that it stays below nine times in ten, as foretold; 0 where nothing was
   * @param habit log1p of the bytes/s that its client is used to; 0 where it is new
   * @param regular chance that a session of its function is regular: see {@link FunctionHabits}
   */
  update(place: number, features: Float32Array, at: number, told: number, habit: number, regular: number): void {
    const columns = this.#at;
    const values = this.values;
    const to = place * AXIS_COUNT;
    this.#count(place, features, at, to);
    const bytes10 = features[at + columns.bytes10];
    values[to + UPLOAD] = bytes10;
    this.#told[place] = this.#told[place] === 0 ? told : this.#told[place] + (told - this.#told[place]) * FOLLOW;
    const asks = bytes10 > WORTH_ASKING;
    values[to + OVER_FORECAST] = asks && told > 0 ? bytes10 - Math.max(this.#told[place], WORTH_ASKING - 2) : 0;
    values[to + OVER_HABIT] = asks && habit > 0 ? bytes10 - Math.max(habit + Math.LN10, WORTH_ASKING - 2) : 0;
    values[to + PACKETS] = features[at + columns.count1];
    const keep = this.#keep;
    const isTiny = features[at + columns.size1] <= TINY && features[at + columns.count1] > 0.5;
    this.#tiny[place] *= keep;
    if (isTiny) this.#tiny[place] += Math.expm1(features[at + columns.count1]);
    values[to + DRIP] = this.#tiny[place] > NOTHING ? Math.log1p(this.#tiny[place]) : 0;
    // Most sessions are silent most of the time: their pauses are what they were, until the clock has stopped.
    let clockwork = values[to + CLOCKWORK];
    if (features[at + columns.idleIn] <= this.#silent) clockwork = this.#clockwork(place, features, at);
    else if (features[at + columns.idleIn] > this.#stopped[place]) clockwork = 0;
    if (clockwork > this.most[to + CLOCKWORK]) this.most[to + CLOCKWORK] = clockwork;
    values[to + CLOCKWORK] = regular < USUALLY_REGULAR ? clockwork : 0;
    values[to + AMPLIFICATION] = this.#amplification(place, features, at);
    this.#noteMost(to + UPLOAD);
    this.#noteMost(to + PACKETS);
    if (this.#noted[place] === 0 && features[at + this.#openingSizes + this.#openingPackets - 1] !== 0) {
      this.#noted[place] = 1;
      const part = (from: number): Float32Array => features.subarray(at + from, at + from + this.#openingPackets);
      values[to + REPLAY] = Math.log1p(this.#seen.note(part(this.#openingSizes), part(this.#openingGaps)));
    }
  }

  #noteMost(at: number): void {
    if (this.values[at] > this.most[at]) this.most[at] = this.values[at];
  }

  #count(place: number, features: Float32Array, at: number, to: number): void {
    let all = 0;
    for (const column of this.#countedColumns) all += features[at + column];
    // Hardly any session has something new to count, or is still remembered for something.
    if (all === this.#all[place] && this.#isCounting[place] === 0) return;
    this.#all[place] = all;
    this.#isCounting[place] = 0;
    const counted = this.#counted;
    for (let i = 0; i < counted.length; i++) {
      const { axis, columns, keep } = counted[i];
      let total = 0;
      for (const column of columns) total += features[at + column];
      const slot = place * counted.length + i;
      if (total !== this.#before[slot]) {
        // Counts stand as logarithms: sums of them are compared, and only where one moved counted out.
        let now = 0;
        for (const column of columns) now += Math.expm1(features[at + column]);
        this.#counts[slot] = this.#counts[slot] * keep + Math.max(0, now - this.#totals[slot]);
        this.#before[slot] = total;
        this.#totals[slot] = now;
      } else this.#counts[slot] *= keep;
      const isThere = this.#counts[slot] > NOTHING;
      if (isThere) this.#isCounting[place] = 1;
      else this.#counts[slot] = 0;
      this.values[to + axis] = isThere ? Math.log1p(this.#counts[slot]) : 0;
    }
  }

  /** Replies against requests, and how often: a turn is a request and its reply. */
  #amplification(place: number, features: Float32Array, at: number): number {
    const columns = this.#at;
    const turns = features[at + columns.turns];
    const before = this.#turns[place];
    this.#turning[place] *= this.#keep;
    if (turns !== before) this.#turning[place] += Math.max(0, Math.expm1(turns) - Math.expm1(before));
    this.#turns[place] = turns;
    const request = features[at + columns.request];
    const reply = features[at + columns.reply];
    if (turns < LEAST_TURNS || this.#turning[place] < NOTHING || reply - request < LEAST_AMPLIFICATION) return 0;
    return reply - 2 * request + 1.5 * Math.log1p(this.#turning[place]);
  }

  /** How alike the last pauses are: the logarithm of their mean over half their range. */
  #clockwork(place: number, features: Float32Array, at: number): number {
    const columns = this.#at;
    const age = Math.expm1(features[at + columns.age]);
    const last = age - Math.expm1(features[at + columns.idleIn]);
    const passed = last - this.#last[place];
    const packets = Math.expm1(features[at + columns.count60]);
    if (passed > 0.5) {
      // Several packets since the last tick: the mean of their pauses.
      const kept = this.#packets[place] * 2 ** (-passed / 60_000);
      const came = Math.max(1, Math.round(packets - kept));
      if (came > MOST_A_TICK) this.#paused[place] = 0;
      else if (this.#packets[place] > 0) {
        this.#pauses[place * PAUSES + (this.#paused[place]++ % PAUSES)] = passed / came;
      }
      this.#last[place] = last;
      this.#packets[place] = packets * 2 ** ((age - last) / 60_000);
    }
    if (this.#paused[place] < PAUSES || features[at + columns.size1] > SMALL) return 0;
    let sum = 0;
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    for (let i = place * PAUSES; i < (place + 1) * PAUSES; i++) {
      const pause = this.#pauses[i];
      sum += pause;
      if (pause < least) least = pause;
      if (pause > most) most = pause;
    }
    const mean = sum / PAUSES;
    this.#stopped[place] = Math.log1p(STOPPED * mean);
    return Math.log((mean + JITTER_MS) / ((most - least) / 2 + JITTER_MS));
  }
}

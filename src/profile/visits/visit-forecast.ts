import { FourierFeatures } from '../../numeric/fourier-features.js';
import { RidgeRegression, type RidgeState } from '../../numeric/ridge-regression.js';
import { Activity } from './activity.js';
import type { Begun, Brought } from './brought.js';
import { type EmptyState, EmptyVisits } from './empty-visits.js';
import { Habits } from './habits.js';
import { OwnWays, type OwnWaysState } from './own-ways.js';
import { VISIT_COLUMNS, visitColumns } from './visit-columns.js';
import { AllVisits, type AllVisitsState, type ClientVisits } from './visit-history.js';

/** Seconds of a visit that count. */
export const VISIT_SPAN = 300;
/** Visits up to which a client is new. */
const NEW = 2;
/** What is learned from those that come often goes for a new one by so much. */
const SHARED = 0.35;
/** Visits of new ones that nothing counts beside what is left over of theirs. */
const PRIOR_NEW = 30;
const FOURIER = 320;
const FOURIER_WIDTH = 8;
/** A difference of losses (squares of logarithms) that makes one forecaster e times as likely as another. */
const TEMPERATURE = 4;
/** Of the losses, a visit. */
const LOSS_MEMORY = 0.999;
/** The weights are worked out by {@link VisitForecast.settle}. */
const REGRESSION = { memory: 0.99997, penalty: 3, every: Number.POSITIVE_INFINITY };
/** Examples until the weights are worked out anew: at first sooner. */
const EVERY = 500;
const LEAST = 30;

/** A visit that has begun. */
export interface BegunVisit extends Begun {
  /** What was expected: of its first 300 s, and of the rate in them. */
  expected: Brought;
  /** log1p(bytes) as the regression tells it, of a visit that brings something. */
  learned: number;
  /** What was known: {@link visitColumns}. */
  columns: Float64Array;
  /** Visits of a client that is new, which brought something; -1: it is not. */
  newAfter: number;
  /** What the client's own ways said of a visit that brings something. */
  base: Brought;
}

/** How far the regression is to be trusted, beside a client's own ways: Hedge of the two (Freund & Schapire 1997). */
class Trust {
  #lead = 0;

  /** Share of what the regression says. */
  get share(): number {
    return 1 / (1 + Math.exp(-this.#lead / TEMPERATURE));
  }

  take(learnedLoss: number, ownLoss: number): void {
    this.#lead = this.#lead * LOSS_MEMORY + ownLoss - learnedLoss;
  }
}

/** What the forecast has learned, to go on from another time. */
export interface ForecastState {
  known: RidgeState;
  fresh: { key: number; count: number; sum: number }[];
  all: AllVisitsState;
  empty: EmptyState;
  ways: OwnWaysState;
  rateWays: OwnWaysState;
}

/**
 * What a client that comes will bring in its first five minutes, and at which rate, told before its first byte is read:
 * ridge regression on random Fourier features of what is known ({@link visitColumns}), learned online, of how far it is
 * from the client's own ways ({@link OwnWays}). Of those that are new less of it goes, and what is left over of
 * theirs is learned for the first visit, the second and the third. Whether a visit brings anything is told apart
 * ({@link EmptyVisits}).
 */
export class VisitForecast {
  readonly all = new AllVisits();
  readonly activity = new Activity();
  readonly #empty = new EmptyVisits();
  readonly #ways = new OwnWays();
  readonly #rateWays = new OwnWays();
  readonly #fourier = new FourierFeatures(VISIT_COLUMNS, FOURIER, FOURIER_WIDTH);
  readonly #known = new RidgeRegression(VISIT_COLUMNS + FOURIER, 2, REGRESSION);
  #isDue = false;
  /** log1p(bytes) that is left over of new ones, by visits that they had. */
  readonly #fresh = new Habits(NEW + 1);
  readonly #row = new Float64Array(VISIT_COLUMNS + FOURIER);
  readonly #trustKnown = new Trust();
  readonly #trustNew = new Trust();

  /** What is expected of one who is not known, at a function that is not: `bytes` where something else is known. */
  expected(bytes: number = this.all.mean): Brought {
    // A visit that brings more is taken to bring it faster.
    return { bytes, rate: this.all.meanRate + bytes - this.all.mean };
  }

  /** A visit of a client begins. `opening.prior` is of all functions. */
  begin(visits: ClientVisits, opening: Begun): BegunVisit {
    const { all } = this;
    const { seconds, functionKeys } = opening;
    this.activity.advance(seconds);
    const prior = all.functions.mean(functionKeys, opening.prior);
    const columns = visitColumns(visits, all, this.activity, opening);
    const row = this.#rowOf(columns);
    const newAfter = visits.filled <= NEW ? visits.filled : -1;
    const bytes = prior.bytes + this.#ways.of(visits.away, visits.filled);
    const rate = prior.rate + this.#rateWays.of(visits.rateAway, visits.filled);
    const away = this.#known.predict(row);
    const learned = newAfter < 0 ? bytes + away : this.#ofNew(prior.bytes, bytes + away) + this.#leftOver(newAfter);
    const trust = (newAfter < 0 ? this.#trustKnown : this.#trustNew).share;
    const filled = 1 - this.#empty.chance(visits);
    return {
      seconds,
      functionKeys,
      expected: {
        bytes: Math.max(0, filled * (bytes + trust * (learned - bytes))),
        rate: Math.max(0, filled * (rate + trust * this.#known.predict(row, 1))),
      },
      learned,
      columns,
      newAfter,
      base: { bytes, rate },
      prior,
    };
  }

  /** A row of the regression: the columns and their features. It changes with the next one; many visits are open at a time. */
  #rowOf(columns: Float64Array): Float64Array {
    const row = this.#row;
    row.set(columns);
    this.#fourier.write(row, row, VISIT_COLUMNS);
    return row;
  }

  #ofNew(prior: number, asKnown: number): number {
    return this.#known.count < EVERY ? prior : prior + SHARED * (asKnown - prior);
  }

  #leftOver(newAfter: number): number {
    return this.#fresh.mean((key) => key === newAfter, 0, PRIOR_NEW);
  }

  /** What a visit brought is known. */
  finish(visits: ClientVisits, visit: BegunVisit, brought: Brought): void {
    this.#empty.learn(visits, brought.bytes === 0);
    if (brought.bytes > 0) {
      this.#ways.learn(visits.away, visits.filled, brought.bytes - visit.prior.bytes);
      this.#rateWays.learn(visits.rateAway, visits.filled, brought.rate - visit.prior.rate);
      this.#learn(visit, brought);
    }
    visits.add(visit, brought);
  }

  #learn(visit: BegunVisit, brought: Brought): void {
    const { columns, newAfter, base, prior, learned } = visit;
    const row = this.#rowOf(columns);
    (newAfter < 0 ? this.#trustKnown : this.#trustNew).take(
      (learned - brought.bytes) ** 2,
      (base.bytes - brought.bytes) ** 2,
    );
    this.#known.learn(row, [brought.bytes - base.bytes, brought.rate - base.rate]);
    if (this.#known.count % (this.#known.count < EVERY ? LEAST : EVERY) === 0) this.#isDue = true;
    if (newAfter >= 0) {
      this.#fresh.add(newAfter, brought.bytes - this.#ofNew(prior.bytes, base.bytes + this.#known.predict(row)));
    }
    this.all.add(visit.functionKeys, brought);
  }

  /** Works out what was learned, where it is time: some ten milliseconds, so not with each of many visits that end at once. */
  settle(): void {
    if (this.#isDue) this.#known.solve();
    this.#isDue = false;
  }

  get state(): ForecastState {
    return {
      known: this.#known.state,
      fresh: [...this.#fresh],
      all: this.all.state,
      empty: this.#empty.state,
      ways: this.#ways.state,
      rateWays: this.#rateWays.state,
    };
  }

  /** Goes on from what was learned before; of another shape it is left. */
  restore({ known, fresh, all, empty, ways, rateWays }: ForecastState): void {
    if (!this.#known.restore(known)) return;
    for (const { key, sum, count } of fresh) this.#fresh.restore(key, sum, count);
    this.all.restore(all);
    this.#empty.restore(empty);
    this.#ways.restore(ways);
    this.#rateWays.restore(rateWays);
  }
}

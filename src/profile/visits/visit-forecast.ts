import { FourierFeatures } from '../../numeric/fourier-features.js';
import { RidgeRegression, type RidgeState } from '../../numeric/ridge-regression.js';
import { Activity } from './activity.js';
import { NEW_COLUMNS, newColumns, ownMean, VISIT_COLUMNS, type VisitOpening, visitColumns } from './visit-columns.js';
import { AllVisits, type Brought, type ClientVisits } from './visit-history.js';

/** Seconds of a visit that count. */
export const VISIT_SPAN = 300;
/** Visits up to which a client is new. */
const NEW = 2;
/** What is learned from those that come often goes for a new one by so much. */
const SHARED = 0.35;
const FOURIER = 320;
const FOURIER_WIDTH = 8;
/** A difference of losses (squares of logarithms) that makes one forecaster e times as likely as another. */
const TEMPERATURE = 4;
/** Of the losses, a visit. */
const LOSS_MEMORY = 0.999;
/** Visits that the mean of all counts beside those of a function. */
const PRIOR_FUNCTION = 5;
/** Examples until the weights are worked out anew: at first sooner. */
const EVERY = 500;
const LEAST = 30;

/** A visit that has begun. */
export interface BegunVisit {
  seconds: number;
  functionKey: number;
  /** What was expected: of its first 300 s, and of the rate in them. */
  expected: Brought;
  /** log1p(bytes) as the regression tells it. */
  learned: number;
  /** What was known: {@link visitColumns}. */
  columns: Float64Array;
  newRow: Float64Array | null;
  /** What the client's own mean said, and what was expected of one who is not known. */
  base: Brought;
  prior: number;
}

/** How far the regression is to be trusted, beside a client's own mean: Hedge of the two (Freund & Schapire 1997). */
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
  fresh: RidgeState;
  all: AllVisits;
}

/**
 * What a client that comes will bring in its first five minutes, and at which rate, told before its first byte is read:
 * ridge regression on random Fourier features of what is known ({@link visitColumns}), learned online, of how far it is
 * from the client's own mean; and a small one beside it of those that are new.
 */
export class VisitForecast {
  readonly all = new AllVisits();
  readonly activity = new Activity();
  readonly #fourier = new FourierFeatures(VISIT_COLUMNS, FOURIER, FOURIER_WIDTH);
  readonly #known = new RidgeRegression(VISIT_COLUMNS + FOURIER, 2, { memory: 0.99997, penalty: 3, every: EVERY });
  readonly #fresh = new RidgeRegression(NEW_COLUMNS, 1, { memory: 1, penalty: 30, every: 1 });

  readonly #row = new Float64Array(VISIT_COLUMNS + FOURIER);
  readonly #trustKnown = new Trust();
  readonly #trustNew = new Trust();

  /** A visit of a client begins. */
  begin(visits: ClientVisits, opening: VisitOpening): BegunVisit {
    const { all } = this;
    const { seconds, functionKey } = opening;
    this.activity.advance(seconds);
    const prior = all.functions.mean((key) => key === functionKey, opening.prior, PRIOR_FUNCTION);
    const columns = visitColumns(visits, all, this.activity, opening);
    const row = this.#rowOf(columns);
    const newRow = visits.count <= NEW ? newColumns(row, visits) : null;
    const bytes = ownMean(visits, prior);
    const rate = (visits.rateSum + 2 * all.meanRate) / (visits.count + 2);
    const away = this.#known.predict(row);
    const learned = newRow === null ? bytes + away : prior + this.#ofNew(newRow, bytes + away - prior);
    const trust = (newRow === null ? this.#trustKnown : this.#trustNew).share;
    return {
      seconds,
      functionKey,
      expected: {
        bytes: Math.max(0, bytes + trust * (learned - bytes)),
        rate: Math.max(0, rate + trust * this.#known.predict(row, 1)),
      },
      learned,
      columns,
      newRow,
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

  #ofNew(newRow: Float64Array, away: number): number {
    return this.#fresh.predict(newRow) + (this.#known.count < EVERY ? 0 : SHARED * away);
  }

  /** What a visit brought is known. */
  finish(visits: ClientVisits, visit: BegunVisit, brought: Brought): void {
    const { columns, newRow, base, prior, learned } = visit;
    const row = this.#rowOf(columns);
    (newRow === null ? this.#trustKnown : this.#trustNew).take(
      (learned - brought.bytes) ** 2,
      (base.bytes - brought.bytes) ** 2,
    );
    this.#known.learn(row, [brought.bytes - base.bytes, brought.rate - base.rate]);
    if (this.#known.count < EVERY && this.#known.count % LEAST === 0) this.#known.solve();
    if (newRow !== null) {
      const shared = this.#known.count < EVERY ? 0 : SHARED * (base.bytes + this.#known.predict(row) - prior);
      this.#fresh.learn(newRow, [brought.bytes - prior - shared]);
    }
    visits.add(visit.seconds, visit.functionKey, brought);
    this.all.add(visit.functionKey, brought);
  }

  get state(): ForecastState {
    return { known: this.#known.state, fresh: this.#fresh.state, all: this.all };
  }

  /** Goes on from what was learned before; of another shape it is left. */
  restore({ known, fresh, all }: ForecastState): void {
    if (!this.#known.restore(known) || !this.#fresh.restore(fresh)) return;
    const { count, sum, squares, rateSum, recent } = all;
    Object.assign(this.all, { count, sum, squares, rateSum, recent });
    for (const { key, sum: total, count: times } of all.functions) this.all.functions.add(key, total, times);
  }
}

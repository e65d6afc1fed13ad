import { deserialize, serialize } from 'node:v8';
import { Cohorts, type SessionShape } from './cohorts/cohorts.js';
import { type OpeningHints, OpeningPrior } from './cohorts/opening-prior.js';
import { ErrorHistory } from './error-history.js';
import { RateCalibration } from './rate-calibration.js';
import { functionKeys } from './visits/function-means.js';
import { type BegunVisit, type ForecastState, VISIT_SPAN, VisitForecast } from './visits/visit-forecast.js';
import type { ClientVisits } from './visits/visit-history.js';

/** What a session opens with. */
export interface SessionHints {
  functionId: string;
  /** ms since the epoch. */
  timestamp: number;
  /** Pseudonym of the client's address prefix, and what it says of itself; empty where that is not known. */
  prefix?: string;
  hints?: string;
}

/** A session whose beginning is being watched. */
export interface WatchedVisit {
  begun: BegunVisit;
  hints: OpeningHints;
  /** bytes/s that were expected. */
  rate: number;
  bytesIn: number;
  bytesOut: number;
  seconds: number;
  firstIn: number;
  firstOut: number;
}

const FORMAT = 3;
/** Visits a second that are learned from: more cost the main thread more than they teach. */
const MOST_LEARNED = 200;
/** Seconds of one's own that an average of strangers counts. */
const STRANGERS = 5;
/** Visits before an estimate is more than a guess. */
const LEAST_VISITS = 5;

/** What all clients together teach about one: how a session of it will begin, and who is like it. */
export class Crowd {
  readonly errors = new ErrorHistory();
  readonly cohorts = new Cohorts();
  readonly #forecast = new VisitForecast();
  readonly #prior = new OpeningPrior();
  readonly #calibration = new RateCalibration();
  #budget = MOST_LEARNED;
  #budgetAt = 0;

  /** Whether enough was seen to say something. */
  get isInformed(): boolean {
    return this.#forecast.all.count >= LEAST_VISITS;
  }

  /** A session of a client opens. */
  begin(visits: ClientVisits, { functionId, timestamp, prefix = '', hints = '' }: SessionHints): WatchedVisit {
    const opening: OpeningHints = { hour: new Date(timestamp).getUTCHours(), prefix, hints };
    const begun = this.#forecast.begin(visits, {
      seconds: timestamp / 1000,
      functionKeys: functionKeys(functionId),
      prior: this.#forecast.expected(this.#prior.expect(opening, this.#forecast.all.mean)),
    });
    const rate = this.#calibration.rate(begun.expected.rate);
    return { begun, hints: opening, rate, bytesIn: 0, bytesOut: 0, seconds: 0, firstIn: 0, firstOut: 0 };
  }

  /** A client was at work. */
  active(visits: ClientVisits, timestamp: number, bytes: number): void {
    this.#forecast.activity.advance(timestamp / 1000);
    if (bytes > 0) this.#forecast.activity.add(visits, bytes);
  }

  /** Bytes/s to expect of a session after its first seconds, where `known` (bytes/s) is what its client did before. */
  early({ firstIn, firstOut, rate, bytesIn, bytesOut, seconds }: WatchedVisit): number {
    const cohort = this.cohorts.logRateAfter(firstIn, firstOut);
    const strangers = cohort === null ? rate : (rate + Math.expm1(cohort)) / 2;
    return (bytesIn + bytesOut + STRANGERS * strangers) / (seconds + STRANGERS);
  }

  /** A session's first five minutes are over, or it is. */
  finish(client: string, visits: ClientVisits, visit: WatchedVisit, now: number): void {
    const { begun, bytesIn, bytesOut, firstIn, firstOut } = visit;
    const bytes = bytesIn + bytesOut;
    const seconds = Math.max(visit.seconds, 1);
    const rate = bytes / seconds;
    const brought = { bytes: Math.log1p(bytes), rate: Math.log1p(rate) };
    if (!this.#mayLearn(now)) {
      visits.add(begun, brought);
      return;
    }
    this.#calibration.learn(begun.expected.rate, rate);
    if (visits.count <= 2 && bytes > 0) this.#prior.learn(visit.hints, this.#forecast.all.mean, brought.bytes);
    this.#forecast.finish(visits, begun, brought);
    this.cohorts.learn(client, shapeOf({ firstIn, firstOut, bytesIn, bytesOut, seconds }));
  }

  /** To be called now and then: what was learned is told from then on. */
  settle(): void {
    this.#forecast.settle();
  }

  #mayLearn(now: number): boolean {
    if (now - this.#budgetAt >= 1000) {
      this.#budgetAt = now;
      this.#budget = MOST_LEARNED;
    }
    return this.#budget-- > 0;
  }

  forget(client: string): void {
    this.cohorts.forget(client);
  }

  /** As bytes, to be kept. */
  save(): Uint8Array {
    const { sessions, failed } = this.errors;
    return serialize({
      format: FORMAT,
      forecast: this.#forecast.state,
      prior: this.#prior.state,
      calibration: { ...this.#calibration },
      cohorts: this.cohorts.state,
      errors: { sessions, failed },
    });
  }

  /** Goes on from what was kept. Throws where that is damaged; of another format it is left. */
  restore(bytes: Uint8Array): void {
    const kept = deserialize(bytes) as {
      format: number;
      forecast: ForecastState;
      prior: object;
      calibration: RateCalibration;
      cohorts: object;
      errors: { sessions: number; failed: Float64Array };
    };
    if (kept.format !== FORMAT) return;
    this.#forecast.restore(kept.forecast);
    this.#prior.restore(kept.prior);
    this.#calibration.restore(kept.calibration);
    this.cohorts.restore(kept.cohorts);
    this.errors.sessions = kept.errors.sessions;
    this.errors.failed.set(kept.errors.failed);
  }
}

export { VISIT_SPAN };

/** What a session was like. */
export function shapeOf(visit: Omit<WatchedVisit, 'begun' | 'hints' | 'rate'>): SessionShape {
  const { firstIn, firstOut, bytesIn, bytesOut, seconds } = visit;
  const bytes = bytesIn + bytesOut;
  return {
    firstIn,
    firstOut,
    rate: bytes / Math.max(seconds, 1),
    seconds,
    upShare: bytes === 0 ? 0.5 : bytesIn / bytes,
  };
}

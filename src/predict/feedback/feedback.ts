import { ERROR_SCENARIOS, REQUEST_TYPES } from '../../profile/behavioral-profile.js';
import { HORIZONS, LIMIT_UNIT, OUTPUT_COLUMNS, OUTPUTS, QUANTILES } from '../model/outputs.js';
import type { TickHistory } from '../model/tick-history.js';
import { grown } from '../places.js';
import { BiasCorrection } from './bias-correction.js';
import { ConformalBands } from './conformal-bands.js';
import { bandLoss, LiveScores, type SessionScores } from './live-scores.js';
import { Mixture } from './mixture.js';
import { PastForecasts } from './past-forecasts.js';

/** Ticks of a stretch whose kind is foretold, and within which errors and abuse are. */
const STRETCH = 30;
const ERROR_WINDOW = 60;
/** Ticks of the expected rate; the largest logarithm of it. */
const RATE_HORIZON = 10;
const MOST_LOG = 16;
/** Times the average: the limit where the model's is not gone by. */
const PLAIN_LIMIT = 4;
/** Chances kept of a forecast: of each scenario, and the risk. */
const CHANCES = ERROR_SCENARIOS.length + 1;
/** What a tick counts in a session's own scores. */
const OWN_STEP = 0.05;
/** A session's own scores: absolute error, pinball loss, share within the band, share of kinds foretold. */
const OWN = 4;

export function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/** The place of the largest of `count` numbers. */
export function largest(values: Float32Array, at: number, count: number): number {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[at + i] > values[at + best]) best = i;
  return best;
}

/**
 * Compares what was told with what happened, tick by tick and session by session, and corrects what is told next: bias and
 * bands. Sessions are told apart by their place.
 */
export class Feedback {
  readonly bias: BiasCorrection;
  readonly #bands: ConformalBands;
  /** The model against the average: of the next tick, and of the rate to come. */
  readonly #nextMixture: Mixture;
  readonly #rateMixture: Mixture;
  /** Rates that were told, as HORIZONS has them of bytes: model in `expected`, average in `high`. */
  readonly #pastRates: PastForecasts;
  readonly #past: PastForecasts;
  /** Of the next tick: what the model expected before it was corrected, and what the average did. */
  #uncorrected: Float32Array;
  #corrected: Float32Array;
  #averages: Float32Array;
  /** Kind foretold; chances told, and what has happened since (bits, the last for abuse). */
  #kinds: Uint32Array;
  #chances: Float32Array;
  #happened: Uint32Array;
  #own: Float32Array;

  constructor(
    readonly history: TickHistory,
    places: number,
    /** Of all sessions together. */
    readonly scores: LiveScores = new LiveScores(),
  ) {
    this.bias = new BiasCorrection(places);
    this.#bands = new ConformalBands(HORIZONS.length, places);
    this.#nextMixture = new Mixture(places);
    this.#rateMixture = new Mixture(places);
    this.#past = new PastForecasts(places);
    this.#pastRates = new PastForecasts(places, [RATE_HORIZON]);
    this.#uncorrected = new Float32Array(places);
    this.#corrected = new Float32Array(places);
    this.#averages = new Float32Array(places);
    this.#kinds = new Uint32Array(places);
    this.#chances = new Float32Array(places * CHANCES);
    this.#happened = new Uint32Array(places);
    this.#own = new Float32Array(places * OWN);
  }

  grow(places: number): void {
    this.bias.grow(places);
    this.#bands.grow(places);
    this.#nextMixture.grow(places);
    this.#rateMixture.grow(places);
    this.#past.grow(places);
    this.#pastRates.grow(places);
    this.#uncorrected = grown(this.#uncorrected, places);
    this.#corrected = grown(this.#corrected, places);
    this.#averages = grown(this.#averages, places);
    this.#kinds = grown(this.#kinds, places);
    this.#chances = grown(this.#chances, places * CHANCES);
    this.#happened = grown(this.#happened, places);
    this.#own = grown(this.#own, places * OWN);
  }

  clear(place: number): void {
    this.bias.set(place, 0);
    this.#bands.clear(place);
    this.#nextMixture.clear(place);
    this.#rateMixture.clear(place);
    this.#past.clear(place);
    this.#pastRates.clear(place);
    this.#happened[place] = 0;
    this.#own.fill(0, place * OWN, (place + 1) * OWN);
    this.#own[place * OWN + 2] = 1;
    this.#own[place * OWN + 3] = 1;
  }

  /**
   * Begins a session's tick, after {@link TickHistory.add}: `tickBytes` came in the last one, `totalBytes` so far; `happened`
   * has a bit for each error scenario of the last tick, and one more for abuse.
   */
  observe(place: number, tickBytes: number, totalBytes: number, happened: number): void {
    const tick = this.#past.advance(place);
    this.#pastRates.advance(place);
    this.#happened[place] |= happened;
    if (tick === 1) return;
    for (let horizon = 0; horizon < HORIZONS.length; horizon++) {
      const due = this.#past.due(place, horizon);
      if (due === null) continue;
      const { expected, low, high } = due;
      const bytes = horizon === 0 ? tickBytes : totalBytes - due.bytes;
      const outcome = bytes === 0 ? 0 : Math.log1p(bytes);
      this.scores.band(horizon, outcome, expected, low, high);
      this.#bands.observe(place, horizon, outcome, low, high);
      if (horizon === 0) this.#next(place, outcome, expected, low, high);
    }
    const rates = this.#pastRates.due(place, 0);
    if (rates !== null) {
      const outcome = Math.log1p((totalBytes - rates.bytes) / RATE_HORIZON);
      this.#rateMixture.observe(place, outcome, rates.expected, rates.high);
    }
    if (tick % STRETCH === 1) this.#stretch(place);
    if (tick % ERROR_WINDOW === 1) this.#window(place);
  }

  /** Forecasts kept for a session are held against nothing: ticks were skipped. */
  skip(place: number): void {
    this.#past.clear(place);
    this.#pastRates.clear(place);
  }

  #next(place: number, outcome: number, expected: number, low: number, high: number): void {
    this.bias.observe(place, outcome, this.#uncorrected[place]);
    this.#nextMixture.observe(place, outcome, this.#corrected[place], this.#averages[place]);
    this.scores.against(outcome, expected, this.#averages[place]);
    const own = place * OWN;
    const inside = outcome >= low && outcome <= high ? 1 : 0;
    this.#own[own] += OWN_STEP * (Math.abs(outcome - expected) - this.#own[own]);
    this.#own[own + 1] += OWN_STEP * (bandLoss(outcome, low, high) - this.#own[own + 1]);
    this.#own[own + 2] += OWN_STEP * (inside - this.#own[own + 2]);
  }

  /** The kind of the stretch that is over, against what was foretold. */
  #stretch(place: number): void {
    const isHit = REQUEST_TYPES[this.#kinds[place]] === this.history.kind(place);
    this.scores.type(isHit);
    const at = place * OWN + 3;
    this.#own[at] += 0.25 * ((isHit ? 1 : 0) - this.#own[at]);
  }

  /** A session ends: its chances are held against what happened, though the window is not over. */
  end(place: number, happened: number): void {
    this.#happened[place] |= happened;
    if (this.#past.current(place) > 0) this.#window(place);
  }

  #window(place: number): void {
    const happened = this.#happened[place];
    for (let i = 0; i < CHANCES; i++) {
      const scenario = i < ERROR_SCENARIOS.length ? i : -1;
      this.scores.chance(scenario, this.#chances[place * CHANCES + i], (happened & (1 << i)) !== 0);
    }
    this.#happened[place] = 0;
  }

  /** Corrects row `row` of a model's outputs and keeps what is told. `tick` numbers are this session's own. */
  correct(place: number, outputs: Float32Array, row: number, totalBytes: number): void {
    const at = row * OUTPUT_COLUMNS;
    const tick = this.#past.current(place);
    this.#uncorrected[place] = outputs[at + OUTPUTS.mean.at];
    this.#averages[place] = this.history.average(place);
    this.#corrected[place] = this.bias.corrected(place, this.#uncorrected[place]);
    outputs[at + OUTPUTS.mean.at] = this.#corrected[place];
    const rateDoubt = 1 - this.#rateMixture.weight(place);
    this.#correctRate(place, outputs, at, totalBytes, rateDoubt);
    for (let horizon = 0; horizon < HORIZONS.length; horizon++) {
      const quantile = at + OUTPUTS.quantiles.at + horizon * QUANTILES.length;
      const doubt = horizon === 0 ? 1 - this.#nextMixture.weight(place) : rateDoubt;
      this.#overrule(place, outputs, at, horizon, doubt);
      // Quantiles that were learned apart may cross.
      const low = Math.max(0, Math.min(outputs[quantile], outputs[quantile + 1], outputs[quantile + 2]));
      const high = Math.max(0, outputs[quantile], outputs[quantile + 1], outputs[quantile + 2]);
      const told = Math.max(0, this.#bands.high(place, horizon, high));
      outputs[quantile + 2] = told;
      outputs[quantile] = Math.min(Math.max(0, this.#bands.low(place, horizon, low)), told);
      outputs[quantile + 1] = Math.min(Math.max(outputs[quantile + 1], outputs[quantile]), told);
      const expected = Math.max(0, outputs[at + OUTPUTS.mean.at + horizon]);
      this.#past.keep(place, horizon, expected, outputs[quantile], told, totalBytes);
    }
    if (tick % STRETCH === 1) this.#kinds[place] = largest(outputs, at + OUTPUTS.behaviour.at, REQUEST_TYPES.length);
    if (tick % ERROR_WINDOW === 1) {
      for (let i = 0; i < CHANCES; i++) {
        this.#chances[place * CHANCES + i] = sigmoid(outputs[at + OUTPUTS.errors.at + i]);
      }
    }
  }

  /** Moves expectation and band of a horizon towards the average, as far as the model is doubted. */
  #overrule(place: number, outputs: Float32Array, at: number, horizon: number, doubt: number): void {
    const mean = at + OUTPUTS.mean.at + horizon;
    const average =
      horizon === 0 ? this.#averages[place] : Math.log1p(this.history.byteAverage(place) * HORIZONS[horizon]);
    const move = doubt * (average - outputs[mean]);
    const quantile = at + OUTPUTS.quantiles.at + horizon * QUANTILES.length;
    outputs[mean] += move;
    // Whoever does more than the model knows may stop at any time: the low quantile is not raised for it.
    outputs[quantile] += Math.min(0, move);
    for (let i = 1; i < QUANTILES.length; i++) outputs[quantile + i] += move;
  }

  /** The rate to come, and the limit, where the model is overruled. */
  #correctRate(place: number, outputs: Float32Array, at: number, totalBytes: number, doubt: number): void {
    const average = this.history.byteAverage(place);
    const rate = at + OUTPUTS.rate.at;
    const told = Math.log1p(Math.exp(Math.min(outputs[rate], MOST_LOG)) * LIMIT_UNIT);
    this.#pastRates.keep(place, 0, told, 0, Math.log1p(average), totalBytes);
    if (average > 0) outputs[rate] += doubt * (Math.log1p(average) - told);
    // What a limit delays a few heavy sessions decide: the model's limit on top of the average does better than either.
    const limit = at + OUTPUTS.limit.at;
    const bytes = Math.exp(Math.min(outputs[limit], MOST_LOG)) * LIMIT_UNIT + this.history.quickAverage(place);
    outputs[limit] = Math.log(Math.max(bytes, doubt * PLAIN_LIMIT * average) / LIMIT_UNIT);
  }

  session(place: number): SessionScores {
    const [absoluteError, pinball, withinBand, typeHits] = this.#own.subarray(place * OWN, (place + 1) * OWN);
    return { absoluteError, pinball, withinBand, typeHits };
  }
}

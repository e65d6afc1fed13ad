import { ERROR_SCENARIOS, type ErrorScenario } from '../../profile/behavioral-profile.js';
import { HORIZONS } from '../model/outputs.js';
import { TAIL } from './conformal-bands.js';

/** Ticks after which what was counts half. */
const HALF_LIFE = 600;

/** How forecasts for one horizon did, over the last ticks of all sessions. Logarithms are log1p(bytes). */
export interface HorizonScores {
  /** Forecasts compared, damped. */
  count: number;
  absoluteError: number;
  /** Pinball loss of the 10 and 90 % quantiles together. */
  pinball: number;
  /** Share of what came above the high quantile, and below the low one, where those are not 0: 0.1 each is right. */
  aboveHigh: number | null;
  belowLow: number | null;
}

/** What chances were told, and how often it happened. */
export interface Calibration {
  count: number;
  told: number;
  happened: number;
  /** Mean square of the difference (Brier 1950). */
  brier: number;
}

export interface ScoreReport {
  horizons: Record<string, HorizonScores>;
  /** Root mean square error of log1p(bytes) of the next tick: of the model, and of an average of the past. */
  error: number;
  averageError: number;
  /** Share of stretches of 30 ticks whose kind was foretold. */
  typeHits: number | null;
  errors: Record<ErrorScenario, Calibration>;
  risk: Calibration;
}

/** How forecasts for one session did of late; logarithms are log1p(bytes) of the next tick. */
export interface SessionScores {
  absoluteError: number;
  pinball: number;
  withinBand: number;
  typeHits: number;
}

/** Sums of one horizon. */
class HorizonSums {
  count = 0;
  absolute = 0;
  pinball = 0;
  highs = 0;
  above = 0;
  lows = 0;
  below = 0;
}

class ChanceSums {
  count = 0;
  told = 0;
  happened = 0;
  square = 0;
}

function ratio(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}

/** Pinball loss (Koenker and Bassett 1978) of both ends of a band. */
export function bandLoss(outcome: number, low: number, high: number): number {
  const of = (level: number, quantile: number): number =>
    outcome >= quantile ? level * (outcome - quantile) : (1 - level) * (quantile - outcome);
  return of(TAIL, low) + of(1 - TAIL, high);
}

/** How forecasts did of late, over all sessions: sums that decay with each tick. */
export class LiveScores {
  readonly #horizons = HORIZONS.map(() => new HorizonSums());
  readonly #errors = ERROR_SCENARIOS.map(() => new ChanceSums());
  readonly #risk = new ChanceSums();
  readonly #types = { count: 0, hits: 0 };
  readonly #squares = { count: 0, model: 0, average: 0 };

  /** Lets a tick pass. */
  decay(): void {
    const keep = 2 ** (-1 / HALF_LIFE);
    this.#change((sum) => sum * keep);
  }

  /** Begins anew: another model serves. What is no number goes too. */
  clear(): void {
    this.#change(() => 0);
  }

  #change(to: (sum: number) => number): void {
    for (const sums of [...this.#horizons, ...this.#errors, this.#risk, this.#types, this.#squares]) {
      const numbers = sums as unknown as Record<string, number>;
      for (const name of Object.keys(numbers)) numbers[name] = to(numbers[name]);
    }
  }

  band(horizon: number, outcome: number, expected: number, low: number, high: number): void {
    const sums = this.#horizons[horizon];
    sums.count++;
    sums.absolute += Math.abs(outcome - expected);
    sums.pinball += bandLoss(outcome, low, high);
    if (high >= Math.LN2) {
      sums.highs++;
      if (outcome > high) sums.above++;
    }
    if (low >= Math.LN2) {
      sums.lows++;
      if (outcome < low) sums.below++;
    }
  }

  /** What the model and the average said of the next tick. */
  against(outcome: number, model: number, average: number): void {
    this.#squares.count++;
    this.#squares.model += (outcome - model) ** 2;
    this.#squares.average += (outcome - average) ** 2;
  }

  type(isHit: boolean): void {
    this.#types.count++;
    if (isHit) this.#types.hits++;
  }

  /** An error scenario by its number, or the risk (-1). */
  chance(scenario: number, told: number, happened: boolean): void {
    const sums = scenario < 0 ? this.#risk : this.#errors[scenario];
    sums.count++;
    sums.told += told;
    if (happened) sums.happened++;
    sums.square += (told - (happened ? 1 : 0)) ** 2;
  }

  /** Forecasts of the next tick that were compared, damped. */
  get compared(): number {
    return this.#squares.count;
  }

  report(): ScoreReport {
    const calibration = ({ count, told, happened, square }: ChanceSums): Calibration => ({
      count,
      told: ratio(told, count),
      happened: ratio(happened, count),
      brier: ratio(square, count),
    });
    return {
      horizons: Object.fromEntries(
        this.#horizons.map(({ count, absolute, pinball, highs, above, lows, below }, i) => [
          `${HORIZONS[i]}s`,
          {
            count,
            absoluteError: ratio(absolute, count),
            pinball: ratio(pinball, count),
            aboveHigh: highs > 0 ? above / highs : null,
            belowLow: lows > 0 ? below / lows : null,
          },
        ]),
      ),
      error: Math.sqrt(ratio(this.#squares.model, this.#squares.count)),
      averageError: Math.sqrt(ratio(this.#squares.average, this.#squares.count)),
      typeHits: this.#types.count > 0 ? this.#types.hits / this.#types.count : null,
      errors: Object.fromEntries(ERROR_SCENARIOS.map((name, i) => [name, calibration(this.#errors[i])])) as Record<
        ErrorScenario,
        Calibration
      >,
      risk: calibration(this.#risk),
    };
  }
}

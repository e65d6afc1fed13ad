import { RidgeRegression } from '../../numeric/ridge-regression.js';
import { DAY } from '../forecast/load-history.js';

/** Horizons that are scored, minutes. */
export const SCORED = [1, 5, 15] as const;

/** Share of a series that the yardstick is fitted on; the rest is scored. */
export const LEARNED = 0.6;

const LAGS = 30;
const YESTERDAY = [-5, -1, 0, 1, 5];
const BLOCKS = 4;

/** What was foretold of a minute. */
export interface MinuteForecast {
  mean: number;
  low: number;
  high: number;
}

/** Figures as `score_load.py` defines them, by name and horizon: `rmseRatio1`, `intervalRatio5`, ... */
export type LoadScores = Record<string, number>;

/** A quantile as numpy has it: between the order statistics on a straight line. */
function quantile(sorted: Float64Array, p: number): number {
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  return sorted[below] + (place - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

/** The yardstick: a ridge autoregression fitted on the first part, its mean plus quantiles of its errors there. */
function yardstick(minutes: Float64Array, horizon: number, cut: number): (MinuteForecast | null)[] {
  const days = YESTERDAY.map((shift) => DAY + shift).filter((lag) => lag >= horizon);
  const first = Math.max(horizon + LAGS - 1, ...days);
  const columns = LAGS + days.length + 7;
  const x = new Float64Array(columns);
  const scale = minutes.subarray(0, cut).reduce((sum, load) => sum + load, 0) / cut;
  const describe = (t: number): Float64Array => {
    let at = 0;
    for (let lag = 0; lag < LAGS; lag++) x[at++] = minutes[t - horizon - lag] / scale;
    for (const lag of days) x[at++] = minutes[t - lag] / scale;
    x[at++] = 1;
    for (let k = 1; k <= 3; k++) {
      x[at++] = Math.sin((2 * Math.PI * t * k) / DAY);
      x[at++] = Math.cos((2 * Math.PI * t * k) / DAY);
    }
    return x;
  };
  const ridge = new RidgeRegression(columns, 1, { memory: 1, penalty: 1e-6, every: Number.POSITIVE_INFINITY });
  for (let t = first; t < cut; t++) ridge.learn(describe(t), [minutes[t] / scale]);
  ridge.solve();
  const told = Array.from(minutes, (_, t) => (t < first ? null : ridge.predict(describe(t)) * scale));
  const errors = Float64Array.from(told.slice(first, cut), (mean, i) => minutes[first + i] - (mean as number)).sort();
  const [low, high] = [quantile(errors, 0.1), quantile(errors, 0.9)];
  return told.map((mean) => (mean === null ? null : { mean, low: mean + low, high: mean + high }));
}

/** Interval score of a band of 80 % (Gneiting & Raftery 2007). */
function intervalScore({ low, high }: MinuteForecast, value: number): number {
  return high - low + 10 * Math.max(0, low - value) + 10 * Math.max(0, value - high);
}

/**
 * Scores forecasts on the last part of a series, by the definition of `score_load.py`.
 * @param told by horizon of `SCORED`, by minute
 */
export function scoreLoad(minutes: Float64Array, told: ReadonlyMap<number, readonly MinuteForecast[]>): LoadScores {
  const cut = Math.floor(minutes.length * LEARNED);
  const scores: LoadScores = { minutes: minutes.length - cut };
  for (const horizon of SCORED) {
    const reference = yardstick(minutes, horizon, cut);
    const ours = told.get(horizon) ?? [];
    const sums = { error: 0, referenceError: 0, interval: 0, referenceInterval: 0, inside: 0, count: 0 };
    const blocks = Array.from({ length: BLOCKS }, () => ({ inside: 0, count: 0 }));
    for (let t = cut; t < minutes.length; t++) {
      const [one, other] = [ours[t], reference[t]];
      if (one === undefined || other === null) continue;
      const value = minutes[t];
      const inside = value >= one.low && value <= one.high ? 1 : 0;
      const block = blocks[Math.floor((t % DAY) / (DAY / BLOCKS))];
      sums.error += (one.mean - value) ** 2;
      sums.referenceError += (other.mean - value) ** 2;
      sums.interval += intervalScore(one, value);
      sums.referenceInterval += intervalScore(other, value);
      sums.inside += inside;
      sums.count++;
      block.inside += inside;
      block.count++;
    }
    const covered = blocks.filter(({ count }) => count > 0).map(({ inside, count }) => inside / count);
    scores[`rmseRatio${horizon}`] = Math.sqrt(sums.error / sums.referenceError);
    scores[`intervalRatio${horizon}`] = sums.interval / sums.referenceInterval;
    scores[`coverage${horizon}`] = sums.inside / sums.count;
    scores[`worstBlock${horizon}`] = covered.reduce((a, b) => (Math.abs(b - 0.8) > Math.abs(a - 0.8) ? b : a), 0.8);
  }
  return scores;
}

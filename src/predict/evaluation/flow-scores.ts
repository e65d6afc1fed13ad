import { REQUEST_TYPES } from '../../profile/behavioral-profile.js';
import { behaviourOf } from '../behaviour.js';
import { bytesAfter, type FlowRows } from '../training/flow-rows.js';
import { BEHAVIOUR_SECONDS } from '../training/step-targets.js';
import type { FlowPrediction } from './predict-flows.js';

/** Factors of the averages that are compared with. */
const FACTORS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9];
const LEVELS = [0.1, 0.9] as const;
/** Sums of the limits, in all bytes. */
const BUDGETS = [2, 4, 8] as const;

/** The figures of `score_flows.py`, by the names that it gives them. */
export type FlowScores = Record<string, number>;

const rms = (errors: readonly number[]): number =>
  Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / Math.max(1, errors.length));
const pinball = (q: number, y: number, p: number): number => (y >= p ? q : q - 1) * (y - p);
const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
const share = (values: readonly boolean[]): number => values.filter(Boolean).length / Math.max(1, values.length);

/** Bytes above limits that are scaled to sum to `budget`. */
function delayed(limits: readonly number[], ys: readonly number[], budget: number): number {
  const factor = budget / Math.max(1e-9, total(limits));
  return ys.reduce((sum, y, i) => sum + Math.max(0, y - factor * limits[i]), 0);
}

interface Steps {
  y: number[];
  predicted: number[];
  low: number[];
  high: number[];
  limit: number[];
  /** For each factor the average of log1p(bytes), and of bytes, before each step. */
  averages: number[][];
  byteAverages: number[][];
  hits: boolean[];
  persistence: boolean[];
}

function gather(flows: readonly FlowRows[], predictions: readonly FlowPrediction[]): Steps {
  const steps: Steps = {
    y: [],
    predicted: [],
    low: [],
    high: [],
    limit: [],
    averages: FACTORS.map(() => []),
    byteAverages: FACTORS.map(() => []),
    hits: [],
    persistence: [],
  };
  flows.forEach(({ flow, up, down }, i) => {
    // Flows under 10 s have no steps that count.
    if (flow.times[flow.times.length - 1] < 10_000) return;
    const [average, bytes] = [FACTORS.map(() => 0), FACTORS.map(() => 0)];
    for (let s = 1; s < up.length; s++) {
      const before = up[s - 1] + down[s - 1];
      FACTORS.forEach((factor, k) => {
        average[k] += factor * (Math.log1p(before) - average[k]);
        bytes[k] += factor * (before - bytes[k]);
        steps.averages[k].push(average[k]);
        steps.byteAverages[k].push(bytes[k]);
      });
      const prediction = predictions[i].steps[s - 1];
      steps.y.push(up[s] + down[s]);
      steps.predicted.push(Math.log1p(prediction.predicted));
      steps.low.push(prediction.low);
      steps.high.push(prediction.high);
      steps.limit.push(prediction.limit);
      if (s % 10 !== 0 || s + BEHAVIOUR_SECONDS > up.length) continue;
      const truth = behaviourOf(up, down, s, s + BEHAVIOUR_SECONDS);
      steps.hits.push(prediction.behaviour === truth);
      steps.persistence.push(behaviourOf(up, down, Math.max(0, s - BEHAVIOUR_SECONDS), s) === truth);
    }
  });
  return steps;
}

function openScores(flows: readonly FlowRows[], predictions: readonly FlowPrediction[], packet: 1 | 5): number {
  const pairs = flows.flatMap(({ flow }, i) => {
    const truth = bytesAfter(flow, packet);
    const said = packet === 1 ? predictions[i].bytesAt1 : predictions[i].bytesAt5;
    return truth === null ? [] : [[truth, Math.log1p(said ?? 0)]];
  });
  const mean = total(pairs.map(([truth]) => truth)) / Math.max(1, pairs.length);
  return rms(pairs.map(([truth, said]) => truth - said)) / rms(pairs.map(([truth]) => truth - mean));
}

/** Scores predictions of flows as `score_flows.py` does (which is the definition; a test compares). */
export function scoreFlows(flows: readonly FlowRows[], predictions: readonly FlowPrediction[]): FlowScores {
  const { y, predicted, low, high, limit, averages, byteAverages, hits, persistence } = gather(flows, predictions);
  const logs = y.map(Math.log1p);
  const errors = averages.map((average) => rms(average.map((value, i) => value - logs[i])));
  const best = averages[errors.indexOf(Math.min(...errors))];
  const residuals = logs.map((value, i) => value - best[i]).sort((a, b) => a - b);
  const [q10, q90] = LEVELS.map((level) => residuals[Math.floor(level * residuals.length)]);
  const loss = (lows: readonly number[], highs: readonly number[]): number =>
    total(
      logs.map((value, i) => pinball(0.1, value, Math.max(0, lows[i])) + pinball(0.9, value, Math.max(0, highs[i]))),
    );
  const baseline = loss(
    best.map((value) => value + q10),
    best.map((value) => value + q90),
  );
  const above = y.flatMap((value, i) => (high[i] >= 1 ? [value > high[i]] : []));
  const below = y.flatMap((value, i) => (low[i] >= 1 ? [value < low[i]] : []));
  const labelled = flows.flatMap(({ flow }, i) =>
    flow.label === null ? [] : [{ label: flow.label, said: predictions[i].typeAt10 }],
  );
  const counts = REQUEST_TYPES.map((type) => labelled.filter(({ label }) => label === type).length);
  const all = total(y);
  const rateRmse = rms(predicted.map((value, i) => value - logs[i]));
  const ewmaRmse = Math.min(...errors);
  return {
    flows: flows.length,
    steps: y.length,
    rateRmse,
    ewmaRmse,
    rateRatio: rateRmse / ewmaRmse,
    pinballRatio: loss(low.map(Math.log1p), high.map(Math.log1p)) / baseline,
    aboveHigh: share(above),
    highShare: above.length / Math.max(1, y.length),
    belowLow: share(below),
    typeAccuracy10: share(labelled.map(({ label, said }) => label === said)),
    typeMajority: Math.max(...counts) / Math.max(1, labelled.length),
    behaviourAccuracy: share(hits),
    behaviourPersistence: share(persistence),
    openRatio1: openScores(flows, predictions, 1),
    openRatio5: openScores(flows, predictions, 5),
    ...Object.fromEntries(
      BUDGETS.map((budget) => [
        `delayed${budget}`,
        delayed(limit, y, budget * all) / Math.min(...byteAverages.map((average) => delayed(average, y, budget * all))),
      ]),
    ),
  };
}

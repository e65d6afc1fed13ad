import { LEARNED } from '../evaluation/load-scores.js';
import { type ClusterRun, playCluster, podCapacity, type ScalingPolicy } from './cluster.js';
import { AHEAD, ahead, forecastsOf, hpa, schedule } from './policies.js';

/** Policies that are compared. */
export const POLICIES = ['hpa', 'margin', 'schedule', 'tidegate'] as const;
export type PolicyName = (typeof POLICIES)[number];

/** A policy at one setting of its one parameter. */
export interface CurvePoint extends ClusterRun {
  parameter: number;
}

/** A policy over all settings, and at the cost of the HPA with its target at 70 %. */
export interface PolicyResult extends ClusterRun {
  name: PolicyName;
  /** At the same replica-minutes, over those of the HPA. */
  atHpa70: { minutes: number; load: number };
  curve: CurvePoint[];
}

const TARGET = 0.7;

/**
 * Settings that are played, so close that a line between two of them tells what is there: curves are hollow, and between
 * points far apart a line lies above them.
 */
const TARGETS = range(0.5, 0.95, 0.01);
const FACTORS = range(0.7, 2, 0.05);
const MARGINS = range(-0.5, 6, 0.1);

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => Number((from + i * step).toFixed(3)));
}

/** Linear between the points of a curve, at its ends flat. */
function along(points: readonly CurvePoint[], cost: number, value: (point: CurvePoint) => number): number {
  const sorted = [...points].sort((a, b) => a.replicaMinutes - b.replicaMinutes);
  const next = sorted.findIndex(({ replicaMinutes }) => replicaMinutes >= cost);
  if (next === 0) return value(sorted[0]);
  if (next < 0) return value(sorted[sorted.length - 1]);
  const [a, b] = [sorted[next - 1], sorted[next]];
  const share = (cost - a.replicaMinutes) / (b.replicaMinutes - a.replicaMinutes || 1);
  return value(a) + share * (value(b) - value(a));
}

/** Minutes of a series from which is known what a pod carries; policies are played on the rest. */
export function learnedPart(minutes: Float64Array): number {
  return Math.floor(minutes.length * LEARNED);
}

/** Plays a load series through policies, each over the range of its parameter. */
export function comparePolicies(
  { parts, minutes }: { parts: Float64Array; minutes: Float64Array },
  names: readonly PolicyName[],
): PolicyResult[] {
  const cut = learnedPart(minutes);
  const capacity = podCapacity(minutes, cut);
  const yardstick = playCluster(minutes, cut, hpa(minutes, capacity, TARGET));
  const play = (parameters: readonly number[], of: (parameter: number) => ScalingPolicy): CurvePoint[] =>
    parameters.map((parameter) => ({ parameter, ...playCluster(minutes, cut, of(parameter)) }));
  const curves: Record<PolicyName, () => CurvePoint[]> = {
    hpa: () => play([TARGET], (target) => hpa(minutes, capacity, target)),
    margin: () => play(TARGETS, (target) => hpa(minutes, capacity, target)),
    schedule: () => play(FACTORS, (factor) => schedule(minutes, capacity, factor)),
    tidegate: () => {
      const forecasts = forecastsOf(parts, AHEAD);
      return play(MARGINS, (margin) => ahead(forecasts, capacity, margin));
    },
  };
  return names.map((name) => {
    const curve = curves[name]();
    const at = (value: (point: CurvePoint) => number): number => along(curve, yardstick.replicaMinutes, value);
    const minutesOver = at((point) => point.minutesOver);
    const loadOver = at((point) => point.loadOver);
    return {
      name,
      minutesOver,
      loadOver,
      replicaMinutes: along(curve, yardstick.replicaMinutes, (point) => point.replicaMinutes),
      changes: at((point) => point.changes),
      atHpa70: {
        minutes: minutesOver / Math.max(1, yardstick.minutesOver),
        load: loadOver / Math.max(1, yardstick.loadOver),
      },
      curve,
    };
  });
}

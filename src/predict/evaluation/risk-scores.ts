import { AXES, AXIS_COUNT } from '../risk/axes.js';
import { type RiskScale, riskOf, SUSPICION_HALF_LIFE, suspicionOf, usualOf } from '../risk/risk-scale.js';
import { ABUSE_KINDS, type AbuseKind } from './abuse-shapes.js';
import type { Trial } from './risk-trials.js';

/** Risk from which on a client that can is asked for a proof. */
export const ALARM_RISK = 0.9;

/** Ticks after the onset in which abuse has to be found; periods that a beacon has. */
const IN_TIME = 10;
const BEACON_PERIODS = 4;

/**
 * Hours of ordinary sessions in which one is farther off on an axis than the excess that scales it: by time, so that more recordings
 * give the same scale. A few hundred hours would be needed to fit this; 15 was the best of 15, 20, 25 and 30.
 */
const HOURS_AN_EXTREME = 15;
const EXTREME_EXCESS = 5;

/** Ordinary minutes out of 20 that stay below what is usual. */
const USUAL = 0.95;

/** How often a session's risk is compared with the truth, in ticks. */
const SAMPLE = 10;

/** Learns what is ordinary: what most minutes stay below, and how far the most extreme ordinary sessions go. */
export function fitAxes(ordinary: readonly Trial[]): RiskScale['axes'] {
  const hours = ordinary.reduce((sum, { ticks }) => sum + ticks, 0) / 3600;
  const extremes = Math.max(1, Math.round(hours / HOURS_AN_EXTREME));
  return AXES.map(({ name, leastScale }, axis) => {
    const minutes: number[] = [];
    const sessions: number[] = [];
    for (const { ticks, values } of ordinary) {
      let most = Number.NEGATIVE_INFINITY;
      for (let from = 0; from < ticks; from += 60) {
        let peak = Number.NEGATIVE_INFINITY;
        for (let tick = from; tick < Math.min(ticks, from + 60); tick++) {
          peak = Math.max(peak, values[tick * AXIS_COUNT + axis]);
        }
        minutes.push(peak);
        most = Math.max(most, peak);
      }
      sessions.push(most);
    }
    minutes.sort((a, b) => a - b);
    sessions.sort((a, b) => b - a);
    const usual = minutes[Math.floor(USUAL * minutes.length)] ?? 0;
    const extreme = sessions[Math.min(extremes, sessions.length - 1)] ?? usual;
    return { name, usual, scale: Math.max((extreme - usual) / EXTREME_EXCESS, leastScale) };
  });
}

/** Suspicion of each tick, as it fades. */
function suspicions(scale: RiskScale, { ticks, values }: Trial): Float64Array {
  const result = new Float64Array(ticks);
  const usual = usualOf(scale);
  const keep = 2 ** (-1 / SUSPICION_HALF_LIFE);
  let held = 0;
  for (let tick = 0; tick < ticks; tick++) {
    held = Math.max(held * keep, suspicionOf(scale, usual, values, tick * AXIS_COUNT));
    result[tick] = held;
  }
  return result;
}

interface Sample {
  suspicion: number;
  isAbuse: boolean;
  weight: number;
}

/** Times at which sessions are looked at: every session weighs the same, however long it lasts. */
function samplesOf(scale: RiskScale, trials: readonly Trial[], prevalence: number): Sample[] {
  const abusive = trials.filter(({ kind }) => kind !== null).length;
  return trials.flatMap((trial) => {
    const all = suspicions(scale, trial);
    const isAbuse = trial.kind !== null;
    const first = Math.min(trial.ticks, isAbuse ? Math.floor(trial.onset / 1000) + inTime(trial) : SAMPLE);
    const count = Math.floor((trial.ticks - first) / SAMPLE) + 1;
    const weight = (isAbuse ? prevalence / abusive : (1 - prevalence) / (trials.length - abusive)) / count;
    return Array.from({ length: count }, (_, i) => ({ suspicion: all[first + i * SAMPLE - 1], isAbuse, weight }));
  });
}

/**
 * Isotonic regression by pooling adjacent violators, of the samples in order of their suspicion. A pool stands half way
 * between its least suspicion and its mean.
 */
function isotonic(samples: readonly Sample[]): [number, number][] {
  const sorted = [...samples].sort((a, b) => a.suspicion - b.suspicion);
  const pools: { weight: number; abuse: number; suspicion: number; least: number }[] = [];
  for (const { suspicion, isAbuse, weight } of sorted) {
    pools.push({ weight, abuse: isAbuse ? weight : 0, suspicion: suspicion * weight, least: suspicion });
    for (;;) {
      const last = pools[pools.length - 1];
      const before = pools[pools.length - 2];
      if (before === undefined || before.abuse * last.weight < last.abuse * before.weight) break;
      before.weight += last.weight;
      before.abuse += last.abuse;
      before.suspicion += last.suspicion;
      pools.pop();
    }
  }
  return pools.map(({ weight, abuse, suspicion, least }) => [(suspicion / weight + least) / 2, abuse / weight]);
}

/** Fits a scale: axes on the ordinary trials, the calibration on all of them, abuse being so common. */
export function fitScale(trials: readonly Trial[], prevalence: number): RiskScale {
  const axes = fitAxes(trials.filter(({ kind }) => kind === null));
  return { axes, calibration: isotonic(samplesOf({ axes, calibration: [[0, 0]] }, trials, prevalence)) };
}

/** Whether an abusive trial is found in time, and an ordinary one is taken for abuse. */
export function isAlarmed(scale: RiskScale, trial: Trial): boolean {
  const all = suspicions(scale, trial);
  const begin = Math.floor(trial.onset / 1000);
  const limit = trial.kind === null ? trial.ticks : Math.min(trial.ticks, begin + inTime(trial));
  for (let tick = trial.kind === null ? 0 : begin; tick < limit; tick++) {
    if (riskOf(scale, all[tick]) >= ALARM_RISK) return true;
  }
  return false;
}

/** Ticks in which a trial has to be found: a beacon by its fourth period. */
function inTime({ kind, period }: Trial): number {
  return kind === 'beacon' ? Math.ceil((period * BEACON_PERIODS) / 1000) + 1 : IN_TIME;
}

/** Figures of a scale on trials. */
export interface RiskScores {
  hours: number;
  /** Ordinary sessions taken for abuse; an upper bound of their rate in 10 hours (95 %, exact Poisson). */
  falseAlarms: number;
  falseAlarmsIn10Hours: number;
  upperBoundIn10Hours: number;
  found: Partial<Record<AbuseKind, number>>;
  foundInAll: number;
  prevalence: number;
  calibrationError: number;
  brierSkill: number;
  /** Mean risk told and share of abuse, by tenths of the risk told. */
  reliability: { told: number; abuse: number; share: number }[];
}

/** The upper end of the exact Poisson interval: the mean for which so few events have a chance of 5 %. */
export function poissonUpper(events: number): number {
  let [low, high] = [0, events * 3 + 20];
  for (let round = 0; round < 80; round++) {
    const mean = (low + high) / 2;
    let term = Math.exp(-mean);
    let sum = term;
    for (let i = 1; i <= events; i++) sum += term *= mean / i;
    if (sum > 0.05) low = mean;
    else high = mean;
  }
  return high;
}

export function scoreRisk(scale: RiskScale, trials: readonly Trial[], prevalence: number): RiskScores {
  const ordinary = trials.filter(({ kind }) => kind === null);
  const hours = ordinary.reduce((sum, { ticks }) => sum + ticks, 0) / 3600;
  const falseAlarms = ordinary.filter((trial) => isAlarmed(scale, trial)).length;
  const found: Partial<Record<AbuseKind, number>> = {};
  let [all, count] = [0, 0];
  for (const kind of ABUSE_KINDS) {
    const its = trials.filter((trial) => trial.kind === kind);
    if (its.length === 0) continue;
    const right = its.filter((trial) => isAlarmed(scale, trial)).length;
    found[kind] = right / its.length;
    all += right;
    count += its.length;
  }
  const bins = Array.from({ length: 10 }, () => ({ told: 0, abuse: 0, share: 0 }));
  let brier = 0;
  for (const { suspicion, isAbuse, weight } of samplesOf(scale, trials, prevalence)) {
    const risk = riskOf(scale, suspicion);
    const bin = bins[Math.min(9, Math.floor(risk * 10))];
    bin.told += weight * risk;
    bin.abuse += isAbuse ? weight : 0;
    bin.share += weight;
    brier += weight * ((isAbuse ? 1 : 0) - risk) ** 2;
  }
  return {
    hours,
    falseAlarms,
    falseAlarmsIn10Hours: (falseAlarms / hours) * 10,
    upperBoundIn10Hours: (poissonUpper(falseAlarms) / hours) * 10,
    found,
    foundInAll: count === 0 ? Number.NaN : all / count,
    prevalence,
    calibrationError: bins.reduce((sum, { told, abuse }) => sum + Math.abs(told - abuse), 0),
    brierSkill: 1 - brier / (prevalence * (1 - prevalence)),
    reliability: bins
      .filter(({ share }) => share > 0)
      .map(({ told, abuse, share }) => ({ told: told / share, abuse: abuse / share, share })),
  };
}

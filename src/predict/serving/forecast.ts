import {
  ERROR_SCENARIOS,
  type ErrorScenario,
  REQUEST_TYPES,
  type RequestType,
} from '../../profile/behavioral-profile.js';
import { largest, sigmoid } from '../feedback/feedback.js';
import { HORIZONS, LIMIT_UNIT, OUTPUT_COLUMNS, OUTPUTS, QUANTILES } from '../model/outputs.js';

/** Largest logarithms that are turned into bytes. */
const MOST_LOG = 30;
const MOST_UNITS_LOG = 16;

/** What the model says of a session, in plain units. */
export interface Forecast {
  /** Expected bytes/s of the next 10 s, both ways, and the limit (bytes/s) that a byte over and one unused pay for. */
  dataRate: number;
  rateLimit: number;
  /** Chance of any byte in the next second. */
  activity: number;
  /** Bytes to come within 1, 10 and 60 ticks: expm1 of the expected log1p, and quantiles. */
  horizons: { seconds: number; expected: number; low: number; median: number; high: number }[];
  /** Kind of the next 30 s. */
  requestType: RequestType;
  errors: Record<ErrorScenario, number>;
  risk: number;
}

export function bytesOf(logarithm: number): number {
  return Math.max(0, Math.expm1(Math.min(logarithm, MOST_LOG)));
}

/** Bytes a tick of an output that is a logarithm of LIMIT_UNITs. */
export function rateOf(logarithm: number): number {
  return Math.exp(Math.min(logarithm, MOST_UNITS_LOG)) * LIMIT_UNIT;
}

/** Expected bytes/s of the first `rows` sessions together. */
export function totalRate(outputs: Float32Array, rows: number, tickSeconds: number): number {
  let sum = 0;
  for (let at = OUTPUTS.rate.at, row = 0; row < rows; row++, at += OUTPUT_COLUMNS) sum += rateOf(outputs[at]);
  return sum / tickSeconds;
}

/** Reads row `row` of a model's outputs: what it says of ticks, of so many seconds each. */
export function readForecast(outputs: Float32Array, row: number, tickSeconds: number): Forecast {
  const at = row * OUTPUT_COLUMNS;
  return {
    dataRate: rateOf(outputs[at + OUTPUTS.rate.at]) / tickSeconds,
    rateLimit: rateOf(outputs[at + OUTPUTS.limit.at]) / tickSeconds,
    activity: sigmoid(outputs[at + OUTPUTS.any.at]),
    horizons: HORIZONS.map((ticks, i) => {
      const [low, median, high] = QUANTILES.map((_, k) =>
        bytesOf(outputs[at + OUTPUTS.quantiles.at + i * QUANTILES.length + k]),
      );
      return { seconds: ticks * tickSeconds, expected: bytesOf(outputs[at + OUTPUTS.mean.at + i]), low, median, high };
    }),
    requestType: REQUEST_TYPES[largest(outputs, at + OUTPUTS.behaviour.at, REQUEST_TYPES.length)],
    errors: Object.fromEntries(
      ERROR_SCENARIOS.map((name, i) => [name, sigmoid(outputs[at + OUTPUTS.errors.at + i])]),
    ) as Record<ErrorScenario, number>,
    risk: sigmoid(outputs[at + OUTPUTS.risk.at]),
  };
}

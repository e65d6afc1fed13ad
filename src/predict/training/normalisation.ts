import { ERROR_SCENARIOS } from '../../profile/behavioral-profile.js';
import { CONTEXT_ERRORS } from '../model/context.js';
import { inputPlaces } from '../model/inputs.js';
import type { Normalisation } from '../model/normalised.js';
import { TickHistory } from '../model/tick-history.js';
import type { Sequence } from './flow-rows.js';

/** Deviations below which a feature was the same all through. */
const CONSTANT = 1e-6;
/** Of the logits of error chances: they differ by more than other columns that are known at the open. */
const LOGIT_DEVIATION = 2;

/**
 * Mean and deviation of each feature, over all rows, and which were the same in all. What is known at the open keeps its
 * values: 0 has to stay what is not known.
 */
export function normalisationOf(
  rows: readonly Sequence[],
  features: number,
): { normalisation: Normalisation; constant: number[] } {
  const [sum, squares] = [new Float64Array(features), new Float64Array(features)];
  const { ticks, context } = inputPlaces(features);
  const seen = (row: Float32Array, i: number): number =>
    i >= ticks && i < ticks + TickHistory.byteColumns ? Math.log1p(row[i]) : row[i];
  let count = 0;
  const each = (visit: (row: Float32Array) => void): void => {
    for (const { steps, events } of rows) {
      for (const step of steps) visit(step.features);
      for (const event of events.values()) visit(event.features);
    }
  };
  each((row) => {
    count++;
    for (let i = 0; i < features; i++) sum[i] += seen(row, i);
  });
  const mean = Float32Array.from(sum, (value) => value / count);
  each((row) => {
    for (let i = 0; i < features; i++) squares[i] += (seen(row, i) - mean[i]) ** 2;
  });
  const deviation = Float32Array.from(squares, (value) => Math.sqrt(value / count));
  const constant = [...deviation.keys()].filter((i) => deviation[i] < CONSTANT);
  for (const i of constant) deviation[i] = 1;
  mean.fill(0, context);
  deviation.fill(1, context);
  deviation.fill(LOGIT_DEVIATION, context + CONTEXT_ERRORS, context + CONTEXT_ERRORS + ERROR_SCENARIOS.length);
  return { normalisation: { mean, deviation }, constant };
}

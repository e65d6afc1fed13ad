import { bandLoss } from '../feedback/live-scores.js';
import type { Forecaster } from '../forecaster.js';
import { HORIZONS, OUTPUT_COLUMNS, OUTPUTS, QUANTILES } from '../model/outputs.js';
import type { Sequence } from '../training/flow-rows.js';
import { TARGET_PLACES } from '../training/step-targets.js';

/** What a model is judged by on one sequence: mean over its steps and the horizons that are known. */
export interface SequenceLoss {
  /** Square of the error of log1p(bytes) of the next tick. */
  square: number;
  /** That and the pinball loss of all horizons' bands. */
  loss: number;
}

/** How far a model is off on each sequence, by itself: what feedback would put right is not. */
export async function sequenceLosses(forecaster: Forecaster, sequences: readonly Sequence[]): Promise<SequenceLoss[]> {
  const sums = sequences.map(() => ({ square: 0, loss: 0, steps: 0 }));
  let state: Float32Array = new Float32Array(sequences.length * forecaster.stateColumns);
  const longest = Math.max(0, ...sequences.map(({ steps }) => steps.length));
  for (let step = 0; step < longest; step++) {
    const rowOf = (i: number): Float32Array | undefined => sequences[i].steps[step]?.features;
    const { outputs, next } = await forecaster.stepRows(rowOf, sequences.length, state);
    state = next;
    sequences.forEach(({ steps }, i) => {
      if (step < steps.length) add(sums[i], outputs, i * OUTPUT_COLUMNS, steps[step].targets);
    });
  }
  return sums.map(({ square, loss, steps }) => ({
    square: square / Math.max(1, steps),
    loss: loss / Math.max(1, steps),
  }));
}

function add(
  sums: { square: number; loss: number; steps: number },
  outputs: Float32Array,
  at: number,
  targets: Float32Array,
): void {
  sums.steps++;
  for (let i = 0; i < HORIZONS.length; i++) {
    if (targets[TARGET_PLACES.meanMask + i] === 0) continue;
    const outcome = targets[TARGET_PLACES.mean + i];
    const square = (Math.max(0, outputs[at + OUTPUTS.mean.at + i]) - outcome) ** 2;
    const quantiles = at + OUTPUTS.quantiles.at + i * QUANTILES.length;
    const loss = bandLoss(outcome, Math.max(0, outputs[quantiles]), Math.max(0, outputs[quantiles + 2]));
    sums.loss += loss + (i === 0 ? square : 0);
    if (i === 0) sums.square += square;
  }
}

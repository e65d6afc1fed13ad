import { TidegateError } from '../../quic/errors.js';
import { Forecaster } from '../forecaster.js';
import { coreColumnsOf, type FlowRows } from '../training/flow-rows.js';
import { type TrainOptions, train } from '../training/trainer.js';
import { foldsByCapture } from './folds.js';
import { type FlowPrediction, predictFlows } from './predict-flows.js';

/** What a model says of flows. */
export async function predictWith(model: Uint8Array, rows: readonly FlowRows[]): Promise<FlowPrediction[]> {
  const forecaster = await Forecaster.create(model, coreColumnsOf(rows));
  try {
    return await predictFlows(forecaster, rows);
  } finally {
    await forecaster.release();
  }
}

/** Each flow by a model that has not seen its capture. Throws TIDEGATE_E_CONFIG where there are too few captures. */
export async function crossValidated(
  rows: readonly FlowRows[],
  folds: number,
  options: TrainOptions,
  onProgress: (fold: number, iteration: number, loss: number) => void,
): Promise<FlowPrediction[]> {
  const captures = new Set(rows.map(({ capture }) => capture)).size;
  if (folds < 2 || folds > captures) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `--folds is ${folds}, and there are ${captures} captures`, {
      hint: 'from 2 to as many as there are captures',
    });
  }
  const foldOf = foldsByCapture(rows, folds);
  const predictions = new Array<FlowPrediction>(rows.length);
  for (let fold = 0; fold < folds; fold++) {
    const seen = rows.filter((_, i) => foldOf[i] !== fold);
    const { model } = await train(seen, {
      ...options,
      onProgress: (iteration, loss) => onProgress(fold, iteration, loss),
    });
    const places = rows.flatMap((_, i) => (foldOf[i] === fold ? [i] : []));
    const made = await predictWith(
      model,
      places.map((i) => rows[i]),
    );
    places.forEach((place, i) => {
      predictions[place] = made[i];
    });
  }
  return predictions;
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { crossValidated, predictWith } from '../../predict/evaluation/cross-validation.js';
import { type FlowScores, scoreFlows } from '../../predict/evaluation/flow-scores.js';
import type { FlowPrediction } from '../../predict/evaluation/predict-flows.js';
import { BASE_MODEL, readPlainModel } from '../../predict/store/model-store.js';
import { allFlowRows, type FlowRows } from '../../predict/training/flow-rows.js';
import { DEFAULT_TRAINING, type TrainOptions } from '../../predict/training/trainer.js';
import { TidegateError } from '../../quic/errors.js';
import { printFigures, writeOutput, writing } from '../output.js';
import { readFlows } from './flow-file.js';
import { plotFlows } from './plot.js';

export interface EvalOptions {
  labels?: string;
  model?: string;
  folds?: number;
  iterations: number;
  seed: number;
  out?: string;
  plot?: string;
  json?: boolean;
}

/** A progress bar over the training of folds. */
export function foldBar(
  folds: number,
  options: TrainOptions,
): {
  onProgress: (fold: number, iteration: number, loss: number) => void;
  stop: () => void;
} {
  const bar = new SingleBar({ format: '{bar} {percentage} % | fold {fold}, loss {loss}', stream: process.stderr });
  const each = options.iterations * options.members;
  if (process.stderr.isTTY) bar.start(folds * each, 0, { fold: 1, loss: '' });
  return {
    onProgress: (fold, iteration, loss) => {
      if (bar.isActive) bar.update(fold * each + iteration, { fold: fold + 1, loss: loss.toFixed(3) });
    },
    stop: () => bar.stop(),
  };
}

async function predictions(rows: readonly FlowRows[], options: EvalOptions): Promise<FlowPrediction[]> {
  const { model, iterations, seed, folds } = options;
  if (folds === undefined) return await predictWith((await readPlainModel(model ?? BASE_MODEL)).bytes, rows);
  const training = { ...DEFAULT_TRAINING, iterations, seed };
  const bar = foldBar(folds, training);
  try {
    return await crossValidated(rows, folds, training, bar.onProgress);
  } finally {
    bar.stop();
  }
}

/** `steps.csv` and `flows.csv` as `score_flows.py` reads them. */
async function write(folder: string, rows: readonly FlowRows[], predictions: readonly FlowPrediction[]): Promise<void> {
  const short = (value: number): string => String(Number(value.toPrecision(7)));
  const steps = ['flow,second,predicted,low,high,limit,behaviour'];
  const flows = ['flow,typeAt10,bytesAt1,bytesAt5'];
  rows.forEach(({ flow }, i) => {
    const prediction = predictions[i];
    const [one, five] = [prediction.bytesAt1, prediction.bytesAt5].map((bytes) => (bytes === null ? '' : short(bytes)));
    flows.push(`${flow.name},${prediction.typeAt10},${one},${five}`);
    if (flow.times[flow.times.length - 1] < 10_000) return;
    for (const { second, predicted, low, high, limit, behaviour } of prediction.steps) {
      steps.push(`${flow.name},${second},${[predicted, low, high, limit].map(short).join(',')},${behaviour}`);
    }
  });
  await writeOutput(join(folder, 'steps.csv'), `${steps.join('\n')}\n`, `to ${folder}`);
  await writeOutput(join(folder, 'flows.csv'), `${flows.join('\n')}\n`, `to ${folder}`);
}

/** Runs `tidegate eval`: prints the figures of `score_flows.py`, and writes what it scores where a folder is given. */
export async function evaluate(path: string, options: EvalOptions): Promise<FlowScores> {
  if (options.model !== undefined && options.folds !== undefined) {
    throw new TidegateError('TIDEGATE_E_CONFIG', 'give --model FILE or --folds K, not both');
  }
  const rows = allFlowRows(await readFlows(path, options.labels));
  const made = await predictions(rows, options);
  if (options.out !== undefined) await write(options.out, rows, made);
  const { plot } = options;
  if (plot !== undefined) await writing(plot, () => writeFile(plot, plotFlows(rows, made)));
  const scores = scoreFlows(rows, made);
  if (options.json) console.log(JSON.stringify(scores));
  else printFigures(scores);
  return scores;
}

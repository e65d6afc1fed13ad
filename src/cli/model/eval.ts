import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { type FlowScores, scoreFlows } from '../../predict/evaluation/flow-scores.js';
import { foldsByCapture } from '../../predict/evaluation/folds.js';
import { type FlowPrediction, predictFlows } from '../../predict/evaluation/predict-flows.js';
import { Forecaster } from '../../predict/forecaster.js';
import { allFlowRows, coreColumnsOf, type FlowRows } from '../../predict/training/flow-rows.js';
import { DEFAULT_TRAINING, train } from '../../predict/training/trainer.js';
import { TidegateError } from '../../quic/errors.js';
import { readFlows } from './flow-file.js';

export interface EvalOptions {
  labels?: string;
  model?: string;
  folds?: number;
  iterations: number;
  seed: number;
  out?: string;
  json?: boolean;
}

async function readModel(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_MODEL', `can't read ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function predictWith(model: Uint8Array, rows: readonly FlowRows[]): Promise<FlowPrediction[]> {
  const forecaster = await Forecaster.create(model, coreColumnsOf(rows));
  try {
    return await predictFlows(forecaster, rows);
  } finally {
    await forecaster.release();
  }
}

/** Each flow by a model that has not seen its capture. */
async function crossValidated(
  rows: readonly FlowRows[],
  folds: number,
  options: EvalOptions,
): Promise<FlowPrediction[]> {
  const captures = new Set(rows.map(({ flow }) => flow.capture)).size;
  if (folds < 2 || folds > captures) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `--folds is ${folds}, and there are ${captures} captures`, {
      hint: 'from 2 to as many as there are captures',
    });
  }
  const foldOf = foldsByCapture(rows, folds);
  const predictions = new Array<FlowPrediction>(rows.length);
  const bar = new SingleBar({ format: '{bar} {percentage} % | fold {fold}, loss {loss}', stream: process.stderr });
  if (process.stderr.isTTY) bar.start(folds * options.iterations * DEFAULT_TRAINING.members, 0, { fold: 1, loss: '' });
  for (let fold = 0; fold < folds; fold++) {
    const seen = rows.filter((_, i) => foldOf[i] !== fold);
    const { model } = await train(seen, {
      ...DEFAULT_TRAINING,
      iterations: options.iterations,
      seed: options.seed,
      onProgress: (iteration, loss) => {
        if (bar.isActive)
          bar.update(fold * options.iterations * DEFAULT_TRAINING.members + iteration, {
            fold: fold + 1,
            loss: loss.toFixed(3),
          });
      },
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
  if (bar.isActive) bar.stop();
  return predictions;
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
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'steps.csv'), `${steps.join('\n')}\n`);
    await writeFile(join(folder, 'flows.csv'), `${flows.join('\n')}\n`);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_OUTPUT', `can't write to ${folder}: ${(cause as Error).message}`, { cause });
  }
}

/** Runs `tidegate eval`: prints the figures of `score_flows.py`, and writes what it scores where a folder is given. */
export async function evaluate(path: string, options: EvalOptions): Promise<FlowScores> {
  if ((options.model === undefined) === (options.folds === undefined)) {
    throw new TidegateError('TIDEGATE_E_CONFIG', 'give either --model FILE or --folds K');
  }
  const rows = allFlowRows(await readFlows(path, options.labels));
  const predictions =
    options.model === undefined
      ? await crossValidated(rows, options.folds ?? 0, options)
      : await predictWith(await readModel(options.model), rows);
  if (options.out !== undefined) await write(options.out, rows, predictions);
  const scores = scoreFlows(rows, predictions);
  if (options.json) console.log(JSON.stringify(scores));
  else {
    for (const [name, value] of Object.entries(scores)) {
      console.log(`${name.padEnd(22)}${Number.isInteger(value) ? value : value.toFixed(4)}`);
    }
  }
  return scores;
}

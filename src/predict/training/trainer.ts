import { encodeModel } from '../graph/encode.js';
import type { Normalisation } from '../model/network.js';
import { DEFAULT_WIDTHS, initialParameters, type ModelSize, uniform } from '../model/parameters.js';
import { predictGraph } from '../model/predict-graph.js';
import { type BatchShape, corrections, TARGET_COLUMNS, trainGraph } from '../model/train-graph.js';
import { OnnxSession } from '../runtime.js';
import { Batches } from './batches.js';
import type { FlowRows } from './flow-rows.js';

export interface TrainOptions {
  /** Steps of the optimiser. */
  iterations: number;
  seed: number;
  batch: BatchShape;
  /** Adam's step, at its largest. */
  rate: number;
  decay: number;
  /** Told the mean loss since it was told last. */
  onProgress?: (iteration: number, loss: number) => void;
}

export const DEFAULT_TRAINING: TrainOptions = {
  iterations: 2000,
  seed: 1,
  batch: { sequences: 64, steps: 32 },
  rate: 3e-3,
  decay: 1e-3,
};

/** Iterations between two words on the progress. */
const REPORT_EVERY = 50;
const WARM_UP = 100;

export interface TrainedModel {
  size: ModelSize;
  /** The ONNX file. */
  model: Uint8Array;
  /** Mean loss of the last iterations. */
  loss: number;
}

/** Mean and deviation of each feature, over all rows. */
export function normalisationOf(rows: readonly FlowRows[], features: number): Normalisation {
  const [sum, squares] = [new Float64Array(features), new Float64Array(features)];
  let count = 0;
  const take = (row: Float32Array): void => {
    count++;
    for (let i = 0; i < features; i++) sum[i] += row[i];
  };
  const each = (visit: (row: Float32Array) => void): void => {
    for (const { steps, events } of rows) {
      for (const step of steps) visit(step.features);
      for (const event of events.values()) visit(event.features);
    }
  };
  each(take);
  const mean = Float32Array.from(sum, (value) => value / count);
  each((row) => {
    for (let i = 0; i < features; i++) squares[i] += (row[i] - mean[i]) ** 2;
  });
  return { mean, deviation: Float32Array.from(squares, (value) => Math.sqrt(value / count)) };
}

/** The step's size: a short way up, then a cosine down to nothing (Loshchilov and Hutter 2017). */
function rateAt({ rate, iterations }: TrainOptions, iteration: number): number {
  const up = Math.min(1, iteration / Math.min(WARM_UP, iterations));
  return rate * up * 0.5 * (1 + Math.cos((Math.PI * iteration) / iterations));
}

/** Fits a model to flows. All arithmetic is onnxruntime's, in one thread. */
export async function train(
  rows: readonly FlowRows[],
  options: TrainOptions = DEFAULT_TRAINING,
): Promise<TrainedModel> {
  const [first] = rows;
  const [event] = first.events.values();
  const size: ModelSize = { features: event.features.length, ...DEFAULT_WIDTHS };
  const normalisation = normalisationOf(rows, size.features);
  const random = uniform(options.seed);
  const batches = new Batches(rows, options.batch, random);
  const session = await OnnxSession.create(encodeModel(trainGraph(size, normalisation, options.batch)));
  let parameters: Float32Array = initialParameters(size, random);
  let moments: [Float32Array, Float32Array] = [
    new Float32Array(parameters.length),
    new Float32Array(parameters.length),
  ];
  const count = options.batch.sequences * options.batch.steps;
  const vector = { shape: [1, parameters.length] };
  const one = { shape: [1, 1] };
  let loss = 0;
  let mean = Number.NaN;
  for (let iteration = 1; iteration <= options.iterations; iteration++) {
    const batch = batches.next();
    const [correction1, correction2] = corrections(iteration);
    const results = await session.run({
      features: { shape: [count, size.features], data: batch.features },
      dropout: { shape: [count, size.features], data: batch.dropout },
      keep: { shape: [count, 1], data: batch.keep },
      targets: { shape: [count, TARGET_COLUMNS], data: batch.targets },
      parameters: { ...vector, data: parameters },
      first: { ...vector, data: moments[0] },
      second: { ...vector, data: moments[1] },
      rate: { ...one, data: Float32Array.of(rateAt(options, iteration)) },
      correction1: { ...one, data: Float32Array.of(correction1) },
      correction2: { ...one, data: Float32Array.of(correction2) },
      decay: { ...one, data: Float32Array.of(options.decay) },
    });
    parameters = results.newParameters;
    moments = [results.newFirst, results.newSecond];
    loss += results.loss[0];
    if (iteration % REPORT_EVERY !== 0 && iteration !== options.iterations) continue;
    mean = loss / (iteration % REPORT_EVERY === 0 ? REPORT_EVERY : iteration % REPORT_EVERY);
    loss = 0;
    options.onProgress?.(iteration, mean);
  }
  await session.release();
  return { size, model: encodeModel(predictGraph(size, normalisation, parameters)), loss: mean };
}

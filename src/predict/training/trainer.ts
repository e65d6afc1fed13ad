import { ERROR_SCENARIOS } from '../../profile/behavioral-profile.js';
import { encodeModel } from '../graph/encode.js';
import { CONTEXT_ERRORS } from '../model/context.js';
import { inputPlaces } from '../model/inputs.js';
import type { Normalisation } from '../model/network.js';
import {
  beginAsAverage,
  DEFAULT_WIDTHS,
  ignore,
  initialParameters,
  type ModelSize,
  uniform,
} from '../model/parameters.js';
import { predictGraph } from '../model/predict-graph.js';
import { TickHistory } from '../model/tick-history.js';
import { type BatchShape, corrections, TARGET_COLUMNS, trainGraph } from '../model/train-graph.js';
import { OnnxSession } from '../runtime.js';
import { varied } from './augment.js';
import { Batches } from './batches.js';
import { allFlowRows, type FlowRows } from './flow-rows.js';

export interface TrainOptions {
  /** Steps of the optimiser. */
  iterations: number;
  seed: number;
  batch: BatchShape;
  /** Adam's step, at its largest. */
  rate: number;
  decay: number;
  /** Networks that are trained apart, and whose mean is the model. */
  members: number;
  /** Variants of each flow that are trained on beside it: see {@link varied}. */
  variants: number;
  /** Told the mean loss since it was told last. */
  onProgress?: (iteration: number, loss: number) => void;
}

export const DEFAULT_TRAINING: TrainOptions = {
  iterations: 600,
  seed: 1,
  batch: { sequences: 64, steps: 32 },
  rate: 3e-3,
  decay: 1e-3,
  members: 4,
  variants: 3,
};

/** Iterations between two words on the progress. */
const REPORT_EVERY = 50;
const WARM_UP = 100;
/** Of the average over the path of the parameters, which is what is kept (Polyak and Juditsky 1992). */
const AVERAGE_MEMORY = 0.99;

export interface TrainedModel {
  /** The ONNX file. */
  model: Uint8Array;
  /** Mean loss of the last iterations. */
  loss: number;
}

/** Deviations below which a feature was the same all through. */
const CONSTANT = 1e-6;
/** Of the logits of error chances: they differ by more than other columns that are known at the open. */
const LOGIT_DEVIATION = 2;

/**
 * Mean and deviation of each feature, over all rows, and which were the same in all. What is known at the open keeps its
 * values: 0 has to stay what is not known.
 */
export function normalisationOf(
  rows: readonly FlowRows[],
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

/** The step's size: a short way up, then a cosine down to nothing (Loshchilov and Hutter 2017). */
function rateAt({ rate, iterations }: TrainOptions, iteration: number): number {
  const up = Math.min(1, iteration / Math.min(WARM_UP, iterations));
  return rate * up * 0.5 * (1 + Math.cos((Math.PI * iteration) / iterations));
}

/** Fits one network to batches. Returns its parameters, and the mean loss of the last iterations. */
async function fit(
  session: OnnxSession,
  batches: Batches,
  start: Float32Array,
  features: number,
  options: TrainOptions,
  onProgress: (iteration: number, loss: number) => void,
): Promise<{ parameters: Float32Array; loss: number }> {
  let parameters = start;
  let moments: [Float32Array, Float32Array] = [new Float32Array(start.length), new Float32Array(start.length)];
  const count = options.batch.sequences * options.batch.steps;
  const vector = { shape: [1, start.length] };
  const one = { shape: [1, 1] };
  const average = start.slice();
  let loss = 0;
  let mean = Number.NaN;
  for (let iteration = 1; iteration <= options.iterations; iteration++) {
    const batch = batches.next();
    const [correction1, correction2] = corrections(iteration);
    const results = await session.run({
      features: { shape: [count, features], data: batch.features },
      dropout: { shape: [count, features], data: batch.dropout },
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
    const share = Math.max(1 - AVERAGE_MEMORY, 1 / iteration);
    for (let i = 0; i < average.length; i++) average[i] += share * (parameters[i] - average[i]);
    loss += results.loss[0];
    if (iteration % REPORT_EVERY !== 0 && iteration !== options.iterations) continue;
    mean = loss / (iteration % REPORT_EVERY === 0 ? REPORT_EVERY : iteration % REPORT_EVERY);
    loss = 0;
    onProgress(iteration, mean);
  }
  return { parameters: average, loss: mean };
}

/** Fits a model to flows: its members one after the other. All arithmetic is onnxruntime's, in one thread. */
export async function train(
  rows: readonly FlowRows[],
  options: TrainOptions = DEFAULT_TRAINING,
): Promise<TrainedModel> {
  const [first] = rows;
  const [event] = first.events.values();
  const size: ModelSize = { features: event.features.length, ...DEFAULT_WIDTHS };
  const { normalisation, constant } = normalisationOf(rows, size.features);
  const random = uniform(options.seed);
  const strangers = Array.from({ length: options.variants }, () =>
    allFlowRows(rows.map(({ flow }) => varied(flow, random))),
  );
  const batches = new Batches([...rows, ...strangers.flat()], options.batch, random);
  const session = await OnnxSession.create(encodeModel(trainGraph(size, normalisation, options.batch)));
  const members: Float32Array[] = [];
  let loss = 0;
  for (let member = 0; member < options.members; member++) {
    const start = initialParameters(size, random);
    beginAsAverage(start, size, normalisation);
    ignore(start, size, constant);
    const before = member * options.iterations;
    const fitted = await fit(session, batches, start, size.features, options, (iteration, value) => {
      options.onProgress?.(before + iteration, value);
    });
    members.push(fitted.parameters);
    loss += fitted.loss / options.members;
  }
  await session.release();
  return { model: encodeModel(predictGraph(size, normalisation, members)), loss };
}

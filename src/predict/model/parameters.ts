import type { Graph, Value } from '../graph/graph.js';
import { reshape, splitColumns } from '../graph/operators.js';
import { CONTEXT_ERRORS, ERROR_PRIOR, logit } from './context.js';
import { inputPlaces } from './inputs.js';
import type { Normalisation } from './normalised.js';
import { LIMIT_UNIT, OUTPUT_COLUMNS, OUTPUTS } from './outputs.js';
import { TickHistory } from './tick-history.js';

/** How large a model is. */
export interface ModelSize {
  features: number;
  /** Width of the layer before the recurrence, and of the recurrent state. */
  inner: number;
  hidden: number;
}

/** First logit of the chance of any byte, a factor of the expectation: near enough to 1 to leave the average as it is. */
const SURE = 2;
/** First logit by which a session goes on as what it was, over what it was not. */
const PERSISTENCE = 3;

export const DEFAULT_WIDTHS = { inner: 40, hidden: 40 } as const;

/** Matrices of the model, by name. */
export type Weights = Record<ReturnType<typeof parameterShapes>[number]['name'], Value>;

/** Names and shapes of the parameters, in the order in which they stand in the flat vector. */
export function parameterShapes({ features, inner, hidden }: ModelSize) {
  return [
    { name: 'embed', shape: [features, inner] },
    { name: 'embedBias', shape: [1, inner] },
    { name: 'gates', shape: [inner, 2 * hidden] },
    { name: 'gatesBias', shape: [1, 2 * hidden] },
    { name: 'head', shape: [hidden + inner, OUTPUT_COLUMNS] },
    { name: 'skip', shape: [features, OUTPUT_COLUMNS] },
    { name: 'headBias', shape: [1, OUTPUT_COLUMNS] },
  ] as const;
}

export function parameterCount(size: ModelSize): number {
  return parameterShapes(size).reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
}

/** First parameters: uniform within sqrt(6 / (rows + columns)) (Glorot and Bengio 2010), 0 for biases and the skip. */
export function initialParameters(size: ModelSize, random: () => number): Float32Array {
  const flat = new Float32Array(parameterCount(size));
  let at = 0;
  for (const { name, shape } of parameterShapes(size)) {
    const [rows, columns] = shape;
    const bound = name.endsWith('Bias') || name === 'skip' ? 0 : Math.sqrt(6 / (rows + columns));
    for (const end = at + rows * columns; at < end; at++) flat[at] = (random() * 2 - 1) * bound;
  }
  return flat;
}

/** Where each matrix begins in the flat vector. */
function starts(size: ModelSize): Record<string, number> {
  let at = 0;
  return Object.fromEntries(
    parameterShapes(size).map(({ name, shape }) => {
      const start = at;
      at += shape[0] * shape[1];
      return [name, start];
    }),
  );
}

/**
 * Sets the skip so that the model begins as an average: its expectations and quantiles as that of log1p(bytes), its rate and
 * limit as that of bytes, the chances of errors as those of its client's past. What it learns is where that is wrong.
 */
export function beginAsAverage(flat: Float32Array, size: ModelSize, { mean, deviation }: Normalisation): void {
  const { ticks, context } = inputPlaces(size.features);
  const { skip, headBias: bias, head } = starts(size);
  const follow = (column: number, feature: number, offset: number): void => {
    flat[skip + feature * OUTPUT_COLUMNS + column] = deviation[feature];
    flat[bias + column] = mean[feature] + offset;
  };
  const { mean: means, quantiles, limit, rate, errors, risk } = OUTPUTS;
  for (const { at, size: count } of [means, quantiles]) {
    for (let i = 0; i < count; i++) follow(at + i, ticks + TickHistory.bestLog, 0);
  }
  // What it did it goes on doing.
  for (let i = 0; i < OUTPUTS.behaviour.size; i++) {
    const feature = ticks + TickHistory.kinds + i;
    flat[skip + feature * OUTPUT_COLUMNS + OUTPUTS.behaviour.at + i] = PERSISTENCE * deviation[feature];
  }
  flat[bias + OUTPUTS.any.at] = SURE;
  for (const { at } of [limit, rate]) follow(at, ticks + TickHistory.bestBytes, -Math.log(LIMIT_UNIT));
  for (let i = 0; i < errors.size; i++) follow(errors.at + i, context + CONTEXT_ERRORS + i, logit(ERROR_PRIOR));
  flat[bias + risk.at] = logit(ERROR_PRIOR);
  // Without examples of errors the state says nothing of them.
  for (let row = 0; row < size.hidden + size.inner; row++) {
    flat.fill(0, head + row * OUTPUT_COLUMNS + errors.at, head + row * OUTPUT_COLUMNS + risk.at + risk.size);
  }
}

/** Takes the weights off features that were the same in all examples, so that they are no noise where they are not. */
export function ignore(flat: Float32Array, size: ModelSize, features: readonly number[]): void {
  const { embed } = starts(size);
  for (const feature of features) flat.fill(0, embed + feature * size.inner, embed + (feature + 1) * size.inner);
}

/** The matrices in a flat vector [1, count] of a graph. */
export function weightsIn(graph: Graph, size: ModelSize, flat: Value): Weights {
  const shapes = parameterShapes(size);
  const parts = splitColumns(
    graph,
    flat,
    shapes.map(({ shape }) => shape[0] * shape[1]),
  );
  const entries = shapes.map(({ name, shape }, i) => [name, reshape(graph, parts[i], shape)]);
  return Object.fromEntries(entries) as Weights;
}

/** The matrices of a flat vector, as views. */
export function matrices(size: ModelSize, flat: Float32Array): Record<keyof Weights, Float32Array> {
  let at = 0;
  const entries = parameterShapes(size).map(({ name, shape }) => {
    const data = flat.subarray(at, at + shape[0] * shape[1]);
    at += data.length;
    return [name, data];
  });
  return Object.fromEntries(entries) as Record<keyof Weights, Float32Array>;
}

import { gradients } from '../graph/gradients.js';
import { Graph, type Value } from '../graph/graph.js';
import {
  add,
  concatRows,
  divide,
  exp,
  logSoftmax,
  matmul,
  maximum,
  multiply,
  relu,
  reshape,
  scale,
  softplus,
  splitColumns,
  splitRows,
  squareRoot,
  subtract,
  sum,
} from '../graph/operators.js';
import { embedded, gateInputs, heads, recurrentStep } from './network.js';
import { type Normalisation, normalised } from './normalised.js';
import { HORIZONS, OUTPUT_SIZES, QUANTILES } from './outputs.js';
import { type ModelSize, parameterCount, weightsIn } from './parameters.js';

/** What one run of the training graph takes: `steps` steps of `sequences` sequences. */
export interface BatchShape {
  sequences: number;
  steps: number;
}

/** Columns of the `targets` input. What is not known is 0 in its mask, or 0 in all classes. */
export const TARGETS = {
  mean: HORIZONS.length,
  meanMask: HORIZONS.length,
  any: 1,
  behaviour: 3,
  type: 3,
  /** Bytes of the next second in LIMIT_UNITs, and 1 where they are known. */
  limit: 1,
  limitMask: 1,
  /** Mean bytes/s of the next 10 s in LIMIT_UNITs, and 1 where they are known. */
  rate: 1,
  rateMask: 1,
  /** 1 for each error scenario, and for evidence of abuse, that comes in the next 60 s; 1 where that is known. */
  errors: 5,
  errorsMask: 1,
  risk: 1,
} as const;
export const TARGET_COLUMNS = Object.values(TARGETS).reduce((all, size) => all + size, 0);

/** What each part counts in the loss. */
const WEIGHTS = {
  mean: [1, 0.4, 0.2],
  quantiles: [1, 0.3, 0.15],
  any: 0.3,
  behaviour: 0.3,
  type: 0.25,
  limit: 0.3,
  rate: 0.03,
  errors: 0.1,
  risk: 0.1,
};
/** A byte over the limit against one unused: the level of the quantile, in bytes. */
const LIMIT_LEVEL = 0.9;

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** Longest gradient that a step follows. */
const CLIP = 1;

/** Pinball loss of level q (Koenker and Bassett 1978): q e where e = y - p > 0, else (q - 1) e. */
function pinball(graph: Graph, level: number, truth: Value, prediction: Value): Value {
  const error = subtract(graph, truth, prediction);
  return add(graph, scale(graph, error, level), relu(graph, scale(graph, error, -1)));
}

/** Cross-entropy of a logit: softplus(x) - x y. */
function surprise(graph: Graph, logits: Value, truth: Value): Value {
  return subtract(graph, softplus(graph, logits), multiply(graph, logits, truth));
}

/** The loss a row, summed over all: [1,1]. */
function totalLoss(graph: Graph, outputs: Value, targets: Value): Value {
  const [any, mean, quantiles, behaviour, type, limit, rate, errors, risk] = splitColumns(graph, outputs, OUTPUT_SIZES);
  const [y, mask, some, behaves, is, bytes, bytesMask, mean10, mean10Mask, fails, failsMask, abuses] = splitColumns(
    graph,
    targets,
    Object.values(TARGETS),
  );
  const parts: Value[] = [];
  const error = subtract(graph, mean, y);
  const weights = graph.constant([1, HORIZONS.length], WEIGHTS.mean);
  parts.push(multiply(graph, multiply(graph, multiply(graph, error, error), mask), weights));
  const columns = splitColumns(
    graph,
    quantiles,
    Array.from({ length: HORIZONS.length * QUANTILES.length }, () => 1),
  );
  const truths = splitColumns(graph, y, [1, 1, 1]);
  const masks = splitColumns(graph, mask, [1, 1, 1]);
  for (const [horizon] of HORIZONS.entries()) {
    for (const [i, level] of QUANTILES.entries()) {
      const loss = pinball(graph, level, truths[horizon], columns[horizon * QUANTILES.length + i]);
      parts.push(scale(graph, multiply(graph, loss, masks[horizon]), WEIGHTS.quantiles[horizon]));
    }
  }
  parts.push(scale(graph, multiply(graph, surprise(graph, any, some), masks[0]), WEIGHTS.any));
  parts.push(scale(graph, multiply(graph, surprise(graph, errors, fails), failsMask), WEIGHTS.errors));
  parts.push(scale(graph, multiply(graph, surprise(graph, risk, abuses), failsMask), WEIGHTS.risk));
  parts.push(scale(graph, multiply(graph, logSoftmax(graph, behaviour), behaves), -WEIGHTS.behaviour));
  parts.push(scale(graph, multiply(graph, logSoftmax(graph, type), is), -WEIGHTS.type));
  const cost = pinball(graph, LIMIT_LEVEL, bytes, exp(graph, limit));
  parts.push(scale(graph, multiply(graph, cost, bytesMask), WEIGHTS.limit));
  // Of a Poisson distribution, which any mean minimises whatever the distribution is (Gourieroux et al. 1984).
  const deviance = subtract(graph, exp(graph, rate), multiply(graph, rate, mean10));
  parts.push(scale(graph, multiply(graph, deviance, mean10Mask), WEIGHTS.rate));
  return parts.map((part) => sum(graph, part)).reduce((all, part) => add(graph, all, part));
}

/**
 * The graph that trains: the network unrolled over `steps`, its loss, the gradients, and a step of AdamW (Loshchilov and
 * Hutter 2019) with the gradient's length clipped.
 *
 * Inputs: `features` [steps * sequences, features] (all sequences of the first step, then of the second), `dropout` of the
 * same shape, what is multiplied onto the normalised features; `keep` [steps * sequences, 1], 0 where a state begins anew;
 * `targets`; `parameters`, `first`, `second` [1, count]: what is learned and Adam's moments; `rate`, `correction1`,
 * `correction2`, `decay` [1,1]. Outputs: `loss` a row, and the three vectors as `new…`.
 */
export function trainGraph(size: ModelSize, normalisation: Normalisation, { sequences, steps }: BatchShape): Graph {
  const graph = new Graph('train');
  const rows = steps * sequences;
  const count = parameterCount(size);
  const parameters = graph.input('parameters', [1, count]);
  const weights = weightsIn(graph, size, parameters);
  const raw = normalised(graph, graph.input('features', [rows, size.features]), normalisation);
  const features = multiply(graph, raw, graph.input('dropout', [rows, size.features]));
  const keep = splitRows(graph, graph.input('keep', [rows, 1]), new Array(steps).fill(sequences));
  const embedding = embedded(graph, weights, features);
  const inputs = splitRows(graph, gateInputs(graph, weights, embedding), new Array(steps).fill(sequences));
  let state = graph.constant([sequences, size.hidden], new Float32Array(sequences * size.hidden));
  const states = inputs.map((input, step) => {
    state = recurrentStep(graph, size, input, multiply(graph, state, keep[step]));
    return state;
  });
  const outputs = heads(graph, weights, concatRows(graph, states), embedding, features);
  const loss = scale(graph, totalLoss(graph, outputs, graph.input('targets', [rows, TARGET_COLUMNS])), 1 / rows);
  graph.output('loss', loss);
  const [gradient] = gradients(graph, loss, [parameters]);
  adamStep(graph, parameters, gradient, count);
  return graph;
}

function adamStep(graph: Graph, parameters: Value, gradient: Value, count: number): void {
  const [first, second] = [graph.input('first', [1, count]), graph.input('second', [1, count])];
  const scalars = ['rate', 'correction1', 'correction2', 'decay'].map((name) => graph.input(name, [1, 1]));
  const [rate, correction1, correction2, decay] = scalars;
  const squares = matmul(graph, gradient, reshape(graph, gradient, [count, 1]));
  const length = maximum(graph, squareRoot(graph, squares), graph.scalar(CLIP));
  const clipped = divide(graph, scale(graph, gradient, CLIP), length);
  const newFirst = add(graph, scale(graph, first, BETA1), scale(graph, clipped, 1 - BETA1));
  const square = multiply(graph, clipped, clipped);
  const newSecond = add(graph, scale(graph, second, BETA2), scale(graph, square, 1 - BETA2));
  const deviation = add(graph, squareRoot(graph, multiply(graph, newSecond, correction2)), graph.scalar(EPSILON));
  const direction = divide(graph, multiply(graph, newFirst, correction1), deviation);
  const step = multiply(graph, add(graph, direction, multiply(graph, parameters, decay)), rate);
  graph.output('newParameters', subtract(graph, parameters, step));
  graph.output('newFirst', newFirst);
  graph.output('newSecond', newSecond);
}

/** Adam's corrections of the moments at step t (from 1) for their start at 0. */
export function corrections(t: number): [number, number] {
  return [1 / (1 - BETA1 ** t), 1 / (1 - BETA2 ** t)];
}

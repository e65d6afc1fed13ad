import type { Graph, Value } from '../graph/graph.js';
import { add, concatColumns, matmul, multiply, sigmoid, splitColumns, subtract, tanh } from '../graph/operators.js';
import { OUTPUT_COLUMNS } from './outputs.js';
import type { ModelSize, Weights } from './parameters.js';

/** What features are made comparable with: (x - mean) / deviation, held within a bound. */
export interface Normalisation {
  mean: Float32Array;
  deviation: Float32Array;
}

/** Deviations from the mean beyond which a feature says no more. */
const BOUND = 5;

/** Features [rows, features] made comparable. No gradient passes: nothing below is learned. */
export function normalised(graph: Graph, features: Value, { mean, deviation }: Normalisation): Value {
  const inverse = Float32Array.from(deviation, (value) => (value > 1e-6 ? 1 / value : 0));
  const centred = subtract(graph, features, graph.constant([1, mean.length], mean));
  const scaled = multiply(graph, centred, graph.constant([1, mean.length], inverse));
  const below = graph.emit('Min', [scaled, graph.scalar(BOUND)], scaled.shape);
  return graph.emit('Max', [below, graph.scalar(-BOUND)], scaled.shape);
}

/** The layer before the recurrence, for any number of rows. */
export function embedded(graph: Graph, weights: Weights, features: Value): Value {
  return tanh(graph, add(graph, matmul(graph, features, weights.embed), weights.embedBias));
}

/** What the gates get from the input, for any number of rows: [rows, 3 hidden]. */
export function gateInputs(graph: Graph, weights: Weights, embedding: Value): Value {
  return add(graph, matmul(graph, embedding, weights.gates), weights.gatesBias);
}

/**
 * One step of the gated recurrent unit (Cho et al. 2014, in the form of cuDNN, where the reset gate comes after the
 * product): z, r = sigmoid, c = tanh(x + r * Uh), h' = c + z (h - c).
 */
export function recurrentStep(
  graph: Graph,
  { hidden }: ModelSize,
  weights: Weights,
  inputs: Value,
  state: Value,
): Value {
  const thirds = [hidden, hidden, hidden];
  const [xz, xr, xc] = splitColumns(graph, inputs, thirds);
  const recurrent = add(graph, matmul(graph, state, weights.recur), weights.recurBias);
  const [hz, hr, hc] = splitColumns(graph, recurrent, thirds);
  const update = sigmoid(graph, add(graph, xz, hz));
  const reset = sigmoid(graph, add(graph, xr, hr));
  const candidate = tanh(graph, add(graph, xc, multiply(graph, reset, hc)));
  return add(graph, candidate, multiply(graph, update, subtract(graph, state, candidate)));
}

/**
 * The output rows: from state and embedding, and straight from the features, so that averages need not be learned. The
 * expectation for the next second is the chance of any byte times what is expected if there is one: most seconds are empty,
 * and one number for both is right about neither.
 */
export function heads(graph: Graph, weights: Weights, state: Value, embedding: Value, features: Value): Value {
  const deep = matmul(graph, concatColumns(graph, [state, embedding]), weights.head);
  const rows = add(graph, add(graph, deep, matmul(graph, features, weights.skip)), weights.headBias);
  const [any, mean, rest] = splitColumns(graph, rows, [1, 1, OUTPUT_COLUMNS - 2]);
  return concatColumns(graph, [any, multiply(graph, sigmoid(graph, any), mean), rest]);
}

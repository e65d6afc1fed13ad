import type { Graph, Value } from '../graph/graph.js';
import { add, concatColumns, matmul, multiply, sigmoid, splitColumns, subtract, tanh } from '../graph/operators.js';
import { OUTPUT_COLUMNS } from './outputs.js';
import type { ModelSize, Weights } from './parameters.js';

/** The layer before the recurrence, for any number of rows. */
export function embedded(graph: Graph, weights: Weights, features: Value): Value {
  return tanh(graph, add(graph, matmul(graph, features, weights.embed), weights.embedBias));
}

/** What the recurrence gets from the input, for any number of rows: [rows, 2 hidden]. */
export function gateInputs(graph: Graph, weights: Pick<Weights, 'gates' | 'gatesBias'>, embedding: Value): Value {
  return add(graph, matmul(graph, embedding, weights.gates), weights.gatesBias);
}

/**
 * One step of a gated linear recurrence (the minimal GRU of Feng et al. 2024): z = sigmoid, c = tanh, h' = c + z (h - c). The
 * gate sees the input, not the state: as good here as a GRU or an LSTM (docs/model.md), for two thirds of the arithmetic.
 */
export function recurrentStep(graph: Graph, { hidden }: ModelSize, inputs: Value, state: Value): Value {
  const [gate, candidate] = splitColumns(graph, inputs, [hidden, hidden]);
  const keep = sigmoid(graph, gate);
  const next = tanh(graph, candidate);
  return add(graph, next, multiply(graph, keep, subtract(graph, state, next)));
}

/**
 * The output rows: from state and embedding, and straight from the features, so that averages need not be learned. The
 * expectation for the next second is the chance of any byte times what is expected if there is one: most seconds are empty,
 * and one number for both is right about neither.
 */
export function heads(graph: Graph, weights: Weights, state: Value, embedding: Value, features: Value): Value {
  const deep = matmul(graph, concatColumns(graph, [state, embedding]), weights.head);
  return outputRows(graph, add(graph, add(graph, deep, matmul(graph, features, weights.skip)), weights.headBias));
}

/** The last step of {@link heads}, from what is linear in it. */
export function outputRows(graph: Graph, rows: Value): Value {
  const [any, mean, rest] = splitColumns(graph, rows, [1, 1, OUTPUT_COLUMNS - 2]);
  return concatColumns(graph, [any, multiply(graph, sigmoid(graph, any), mean), rest]);
}

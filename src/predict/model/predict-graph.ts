import { Graph } from '../graph/graph.js';
import { embedded, gateInputs, heads, type Normalisation, normalised, recurrentStep } from './network.js';
import { constantWeights, type ModelSize } from './parameters.js';

/**
 * The graph that predicts: one step for any number of sessions.
 *
 * Inputs: `features` [batch, features], `state` [batch, hidden]. Outputs: `outputs` [batch, OUTPUT_COLUMNS], `next`
 * [batch, hidden].
 */
export function predictGraph(size: ModelSize, normalisation: Normalisation, parameters: Float32Array): Graph {
  const graph = new Graph('predict');
  const weights = constantWeights(graph, size, parameters);
  const features = normalised(graph, graph.input('features', ['batch', size.features]), normalisation);
  const state = graph.input('state', ['batch', size.hidden]);
  const embedding = embedded(graph, weights, features);
  const next = recurrentStep(graph, size, weights, gateInputs(graph, weights, embedding), state);
  graph.output('outputs', heads(graph, weights, next, embedding, features));
  graph.output('next', next);
  return graph;
}

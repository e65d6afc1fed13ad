import { Graph, type Value } from '../graph/graph.js';
import { add, concatColumns, scale, splitColumns } from '../graph/operators.js';
import { embedded, gateInputs, heads, type Normalisation, normalised, recurrentStep } from './network.js';
import { constantWeights, type ModelSize } from './parameters.js';

/**
 * The graph that predicts: one step for any number of sessions, by the mean of what networks that were trained apart say.
 *
 * Inputs: `features` [batch, features], `state` [batch, hidden of all]. Outputs: `outputs` [batch, OUTPUT_COLUMNS], `next`
 * as `state`.
 */
export function predictGraph(size: ModelSize, normalisation: Normalisation, members: readonly Float32Array[]): Graph {
  const graph = new Graph('predict');
  const features = normalised(graph, graph.input('features', ['batch', size.features]), normalisation);
  const state = graph.input('state', ['batch', size.hidden * members.length]);
  const states = splitColumns(
    graph,
    state,
    members.map(() => size.hidden),
  );
  const made = members.map((parameters, i): { next: Value; outputs: Value } => {
    const weights = constantWeights(graph, size, parameters);
    const embedding = embedded(graph, weights, features);
    const next = recurrentStep(graph, size, weights, gateInputs(graph, weights, embedding), states[i]);
    return { next, outputs: heads(graph, weights, next, embedding, features) };
  });
  const total = made.map(({ outputs }) => outputs).reduce((sum, outputs) => add(graph, sum, outputs));
  graph.output('outputs', scale(graph, total, 1 / members.length));
  graph.output(
    'next',
    concatColumns(
      graph,
      made.map(({ next }) => next),
    ),
  );
  return graph;
}

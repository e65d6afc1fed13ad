import type { Graph, Value } from '../graph/graph.js';
import { add, concatColumns, splitColumns } from '../graph/operators.js';
import { inputPlaces } from './inputs.js';
import { TickHistory } from './tick-history.js';

/** What features are made comparable with: (x - mean) / deviation, held within a bound. Of bytes log1p(x) is meant. */
export interface Normalisation {
  mean: Float32Array;
  deviation: Float32Array;
}

/** Deviations from the mean beyond which a feature says no more. */
const BOUND = 5;

/** Features [rows, features] made comparable. No gradient passes: nothing below is learned. */
export function normalised(graph: Graph, features: Value, { mean, deviation }: Normalisation): Value {
  const { ticks } = inputPlaces(mean.length);
  const [core, bytes, rest] = splitColumns(graph, features, [
    ticks,
    TickHistory.byteColumns,
    mean.length - ticks - TickHistory.byteColumns,
  ]);
  const logarithms = graph.emit('Log', [add(graph, bytes, graph.scalar(1))], bytes.shape);
  const inverse = Float32Array.from(deviation, (value) => 1 / value);
  const whole = concatColumns(graph, [core, logarithms, rest]);
  const centred = graph.emit('Sub', [whole, graph.constant([1, mean.length], mean, 'mean')], whole.shape);
  const scaled = graph.emit('Mul', [centred, graph.constant([1, mean.length], inverse, 'inverse')], whole.shape);
  const bounds = [graph.constant([], [-BOUND]), graph.constant([], [BOUND])];
  return graph.emit('Clip', [scaled, ...bounds], whole.shape);
}

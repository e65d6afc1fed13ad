import { Graph } from '../graph/graph.js';
import { add, concatColumns, matmul, splitColumns, tanh } from '../graph/operators.js';
import { SESSION_COLUMNS } from './inputs.js';
import { gateInputs, outputRows, recurrentStep } from './network.js';
import { type Normalisation, normalised } from './normalised.js';
import { OUTPUT_COLUMNS } from './outputs.js';
import { type ModelSize, matrices, parameterCount, parameterShapes, type Weights } from './parameters.js';

/** Matrices of several networks side by side: rows stay, columns are those of one after the other. */
function beside(parts: readonly Float32Array[], rows: number): Float32Array {
  const columns = parts[0].length / rows;
  const whole = new Float32Array(parts.length * parts[0].length);
  parts.forEach((part, i) => {
    for (let row = 0; row < rows; row++) {
      whole.set(part.subarray(row * columns, (row + 1) * columns), (row * parts.length + i) * columns);
    }
  });
  return whole;
}

function mean(parts: readonly Float32Array[]): Float32Array {
  return parts[0].map((_, i) => parts.reduce((sum, part) => sum + part[i], 0) / parts.length);
}

/**
 * The graph that predicts: one step for any number of sessions, by the mean of what networks that were trained apart say.
 * What is linear in them is one product for all.
 *
 * Inputs: `core` [batch, features of the core], `session` [batch, SESSION_COLUMNS], `state` [batch, hidden of all]. Outputs:
 * `outputs` [batch, OUTPUT_COLUMNS], `next` as `state`. The constants have names: {@link readMembers} finds them again.
 */
export function predictGraph(size: ModelSize, normalisation: Normalisation, members: readonly Float32Array[]): Graph {
  const graph = new Graph('predict');
  const { features: columns, inner, hidden } = size;
  const count = members.length;
  const parts = members.map((flat) => matrices(size, flat));
  const all = (name: keyof Weights): Float32Array[] => parts.map((part) => part[name]);
  const core = graph.input('core', ['batch', columns - SESSION_COLUMNS]);
  const session = graph.input('session', ['batch', SESSION_COLUMNS]);
  const features = normalised(graph, concatColumns(graph, [core, session]), normalisation);
  const state = graph.input('state', ['batch', hidden * count]);
  const states = splitColumns(graph, state, new Array<number>(count).fill(hidden));
  const embed = graph.constant([columns, inner * count], beside(all('embed'), columns), 'embed');
  const embedBias = graph.constant([1, inner * count], beside(all('embedBias'), 1), 'embedBias');
  const embedding = tanh(graph, add(graph, matmul(graph, features, embed), embedBias));
  const embeddings = splitColumns(graph, embedding, new Array<number>(count).fill(inner));
  const next = parts.map((part, i) => {
    const named = (name: keyof Weights, rows: number) =>
      graph.constant([rows, part[name].length / rows], part[name], `${name}.${i}`);
    const gates = { gates: named('gates', inner), gatesBias: named('gatesBias', 1) };
    return recurrentStep(graph, size, gateInputs(graph, gates, embeddings[i]), states[i]);
  });
  // The states of all, then the embeddings of all: their rows of the heads in that order, a share each.
  const deep = new Float32Array((hidden + inner) * count * OUTPUT_COLUMNS);
  all('head').forEach((head, i) => {
    const cut = hidden * OUTPUT_COLUMNS;
    const share = head.map((value) => value / count);
    deep.set(share.subarray(0, cut), i * cut);
    deep.set(share.subarray(cut), (hidden * count + inner * i) * OUTPUT_COLUMNS);
  });
  const head = graph.constant([(hidden + inner) * count, OUTPUT_COLUMNS], deep, 'head');
  const skip = graph.constant([columns, OUTPUT_COLUMNS], mean(all('skip')), 'skip');
  const headBias = graph.constant([1, OUTPUT_COLUMNS], mean(all('headBias')), 'headBias');
  const rows = matmul(graph, concatColumns(graph, [...next, embedding]), head);
  const linear = add(graph, add(graph, rows, matmul(graph, features, skip)), headBias);
  graph.output('outputs', outputRows(graph, linear));
  graph.output('next', concatColumns(graph, next));
  return graph;
}

/** A model as it was trained: its size, what its features are compared with, its networks. */
export interface Networks {
  size: ModelSize;
  normalisation: Normalisation;
  members: Float32Array[];
}

/**
 * The networks of a graph that {@link predictGraph} made, from its constants by name; null where it is none. What is one for
 * all (skip, bias) is given to each, which leaves their mean as it is.
 */
export function readMembers(constants: ReadonlyMap<string, Float32Array>): Networks | null {
  const of = (name: string): Float32Array => constants.get(name) ?? new Float32Array(0);
  const features = of('mean').length;
  const count = [...constants.keys()].filter((name) => name.startsWith('gates.')).length;
  const hidden = of('gatesBias.0').length / 2;
  const inner = of('embedBias').length / count;
  const size = { features, inner, hidden };
  if (!(count > 0 && hidden > 0 && inner > 0 && features > SESSION_COLUMNS)) return null;
  const members = Array.from({ length: count }, (_, i) => {
    const head = new Float32Array((hidden + inner) * OUTPUT_COLUMNS);
    const cut = hidden * OUTPUT_COLUMNS;
    head.set(of('head').subarray(i * cut, (i + 1) * cut));
    const from = (hidden * count + inner * i) * OUTPUT_COLUMNS;
    head.set(of('head').subarray(from, from + inner * OUTPUT_COLUMNS), cut);
    const embed = new Float32Array(features * inner);
    for (let row = 0; row < features; row++) {
      const start = (row * count + i) * inner;
      embed.set(of('embed').subarray(start, start + inner), row * inner);
    }
    const parts: Record<keyof Weights, Float32Array> = {
      embed,
      embedBias: of('embedBias').subarray(i * inner, (i + 1) * inner),
      gates: of(`gates.${i}`),
      gatesBias: of(`gatesBias.${i}`),
      head: head.map((value) => value * count),
      skip: of('skip'),
      headBias: of('headBias'),
    };
    const flat = new Float32Array(parameterCount(size));
    let at = 0;
    for (const { name, shape } of parameterShapes(size)) {
      if (parts[name].length !== shape[0] * shape[1]) return null;
      flat.set(parts[name], at);
      at += parts[name].length;
    }
    return flat;
  });
  if (members.includes(null)) return null;
  const normalisation = { mean: of('mean'), deviation: of('inverse').map((value) => 1 / value) };
  return { size, normalisation, members: members as Float32Array[] };
}

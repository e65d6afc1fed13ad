import { type Graph, shapeError, type Value } from './graph.js';
import { add } from './operators.js';

/**
 * Gradients of `loss`, a [1,1], by reverse-mode differentiation: the tape is walked backwards, and what the operators
 * say of their derivatives becomes nodes of the same graph. Throws TIDEGATE_E_GRAPH where the loss does not depend on
 * one of `of`.
 */
export function gradients(graph: Graph, loss: Value, of: readonly Value[]): Value[] {
  if (loss.shape.length !== 2 || loss.shape.some((dimension) => dimension !== 1)) {
    throw shapeError('gradients', `the loss has the shape [${loss.shape}], not [1,1]`);
  }
  const found = new Map<string, Value>([[loss.name, graph.scalar(1)]]);
  // Derivatives record themselves too; they are not derived again.
  const tape = graph.tape.slice();
  for (const { inputs, outputs, backward } of tape.reverse()) {
    const known = outputs.map(({ name }) => found.get(name) ?? null);
    if (known.every((gradient) => gradient === null)) continue;
    backward(known).forEach((gradient, i) => {
      const before = found.get(inputs[i].name);
      found.set(inputs[i].name, before === undefined ? gradient : add(graph, before, gradient));
    });
  }
  return of.map((value) => {
    const gradient = found.get(value.name);
    if (gradient === undefined) throw shapeError('gradients', `the loss does not depend on ${value.name}`);
    return gradient;
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeModel } from '../../src/predict/graph/encode.js';
import { gradients } from '../../src/predict/graph/gradients.js';
import { Graph, type Value } from '../../src/predict/graph/graph.js';
import * as op from '../../src/predict/graph/operators.js';
import { OnnxSession } from '../../src/predict/runtime.js';

type Build = (graph: Graph, inputs: Value[]) => Value;

/** Numbers between -1 and 1 that are the same each time, away from 0 where derivatives jump. */
function numbers(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const value = Math.sin((i + 1) * 12.9898 + seed * 78.233);
    return Math.abs(value) < 0.05 ? 0.3 : value;
  });
}

/** Holds the gradients of `build` to differences of two runs: (f(x + e) - f(x - e)) / 2e. */
async function check(name: string, shapes: [number, number][], build: Build): Promise<void> {
  const graph = new Graph(name);
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const result = build(graph, inputs);
  const [rows, columns] = result.shape as [number, number];
  // Weights, so that no gradient is the same everywhere.
  const weights = graph.constant([rows, columns], numbers(rows * columns, 99));
  const loss = op.sum(graph, op.multiply(graph, result, weights));
  const derived = gradients(graph, loss, inputs);
  graph.output('loss', loss);
  derived.forEach((gradient, i) => {
    assert.deepEqual(gradient.shape, inputs[i].shape, `${name}: shape of the gradient of input ${i}`);
    graph.output(`g${i}`, gradient);
  });
  const session = await OnnxSession.create(encodeModel(graph));
  const values = shapes.map(([m, n], i) => numbers(m * n, i));
  const run = (changed = values) =>
    session.run(Object.fromEntries(shapes.map((shape, i) => [`x${i}`, { shape, data: changed[i] }])));
  const at = await run();
  const step = 1e-2;
  for (const [i, data] of values.entries()) {
    for (let k = 0; k < data.length; k++) {
      const moved = async (by: number): Promise<number> => {
        const copy = values.map((array) => array.slice());
        copy[i][k] += by;
        return (await run(copy)).loss[0];
      };
      const difference = ((await moved(step)) - (await moved(-step))) / (2 * step);
      const told = at[`g${i}`][k];
      assert.ok(
        Math.abs(told - difference) < 3e-3 * Math.max(1, Math.abs(difference)),
        `${name} input ${i} number ${k}: ${told}, by difference ${difference}`,
      );
    }
  }
  await session.release();
}

const m32: [number, number] = [3, 2];
const operators: [string, [number, number][], Build][] = [
  ['matmul', [m32, [2, 4]], (g, [a, b]) => op.matmul(g, a, b)],
  ['add', [m32, m32], (g, [a, b]) => op.add(g, a, b)],
  ['add a row', [m32, [1, 2]], (g, [a, b]) => op.add(g, a, b)],
  ['add a column', [[3, 1], m32], (g, [a, b]) => op.add(g, a, b)],
  ['subtract', [m32, [1, 2]], (g, [a, b]) => op.subtract(g, a, b)],
  ['multiply', [m32, m32], (g, [a, b]) => op.multiply(g, a, b)],
  ['multiply by a column', [m32, [3, 1]], (g, [a, b]) => op.multiply(g, a, b)],
  ['multiply by one number', [[1, 1], m32], (g, [a, b]) => op.multiply(g, a, b)],
  ['a value used twice', [m32], (g, [a]) => op.multiply(g, op.add(g, a, a), a)],
  ['scale', [m32], (g, [a]) => op.scale(g, a, -2.5)],
  ['sigmoid', [m32], (g, [a]) => op.sigmoid(g, a)],
  ['tanh', [m32], (g, [a]) => op.tanh(g, a)],
  ['exp', [m32], (g, [a]) => op.exp(g, a)],
  ['softplus', [m32], (g, [a]) => op.softplus(g, op.scale(g, a, 5))],
  ['relu', [m32], (g, [a]) => op.relu(g, a)],
  ['logSoftmax', [[3, 4]], (g, [a]) => op.logSoftmax(g, a)],
  ['sum over rows', [m32], (g, [a]) => op.sumOver(g, a, [0])],
  ['sum over columns', [m32], (g, [a]) => op.sumOver(g, a, [1])],
  ['sum', [m32], (g, [a]) => op.sum(g, a)],
  ['concatColumns', [m32, [3, 1]], (g, [a, b]) => op.concatColumns(g, [a, b, a])],
  ['concatRows', [m32, [1, 2]], (g, [a, b]) => op.concatRows(g, [a, b])],
  ['splitColumns, one part unused', [[2, 5]], (g, [a]) => op.splitColumns(g, a, [1, 2, 2])[1]],
  [
    'splitRows',
    [[5, 2]],
    (g, [a]) => {
      const [x, y] = op.splitRows(g, a, [2, 3]);
      return op.concatRows(g, [op.tanh(g, y), x]);
    },
  ],
  ['reshape', [[2, 3]], (g, [a]) => op.tanh(g, op.reshape(g, a, [3, 2]))],
];

for (const [name, shapes, build] of operators) {
  test(`gradient of ${name}: as finite differences`, () => check(name, shapes, build));
}

test('shapes that do not go together are named', () => {
  const graph = new Graph('wrong');
  const [a, b] = [graph.input('a', [2, 3]), graph.input('b', [2, 4])];
  assert.throws(() => op.matmul(graph, a, b), { code: 'TIDEGATE_E_GRAPH', message: 'MatMul: [2,3] times [2,4]' });
  assert.throws(() => op.add(graph, a, b), /Add: \[2,3\] and \[2,4\] don't go together/);
  assert.throws(() => op.concatRows(graph, [a, b]), /Concat/);
  assert.throws(() => op.splitColumns(graph, a, [1, 1]), /Split: \[2,3\] into 1,1/);
  assert.throws(() => op.reshape(graph, a, [7, 1]), /Reshape: \[2,3\] to \[7,1\]/);
  assert.throws(() => graph.constant([2, 2], [1]), /constant: 1 numbers for the shape \[2,2\]/);
  assert.throws(() => gradients(graph, a, [b]), /the loss has the shape/);
  assert.throws(() => gradients(graph, op.sum(graph, a), [b]), /does not depend on b/);
  assert.throws(() => op.reshape(graph, graph.input('n', ['batch', 3]), [3, 1]), /has to be known/);
});

test('a file that is no model is refused', async () => {
  await assert.rejects(OnnxSession.create(new Uint8Array([1, 2, 3])), { code: 'TIDEGATE_E_MODEL' });
});

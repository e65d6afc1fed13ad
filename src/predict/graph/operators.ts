import { type Dimension, type Graph, type Shape, sameShape, shapeError, type Value } from './graph.js';

// Every operator writes its node down and, where gradients may pass, how they flow back. Values are matrices unless a
// line says otherwise.

function dimensions(operator: string, { shape, name }: Value): readonly [Dimension, Dimension] {
  if (shape.length !== 2) throw shapeError(operator, `${name} has the shape [${shape}], not of a matrix`);
  return [shape[0], shape[1]];
}

function fixed(operator: string, dimension: Dimension): number {
  if (dimension === 'batch') throw shapeError(operator, 'the size has to be known');
  return dimension;
}

/** Records how the gradient of the only result of a step flows back, and returns that result. */
function derived(
  graph: Graph,
  inputs: readonly Value[],
  output: Value,
  backward: (gradient: Value) => readonly Value[],
): Value {
  // The tape is walked for results that have a gradient, so this one has.
  graph.record({ inputs, outputs: [output], backward: ([gradient]) => backward(gradient as Value) });
  return output;
}

/** [m,k] times [k,n]. Its gradients are products with one side turned over, which no copy is made for. */
export function matmul(graph: Graph, a: Value, b: Value): Value {
  const [rows, inner] = dimensions('MatMul', a);
  const [other, columns] = dimensions('MatMul', b);
  if (inner !== other) throw shapeError('MatMul', `[${a.shape}] times [${b.shape}]`);
  return derived(graph, [a, b], graph.emit('MatMul', [a, b], [rows, columns]), (gradient) => [
    graph.emit('Gemm', [gradient, b], [rows, inner], { transB: 1 }),
    graph.emit('Gemm', [a, gradient], [inner, columns], { transA: 1 }),
  ]);
}

/** The shape of both together, where a dimension of 1 is repeated. */
function broadcast(operator: string, a: Value, b: Value): Shape {
  const [left, right] = [dimensions(operator, a), dimensions(operator, b)];
  return left.map((dimension, i) => {
    if (dimension === right[i] || right[i] === 1) return dimension;
    if (dimension === 1) return right[i];
    throw shapeError(operator, `[${a.shape}] and [${b.shape}] don't go together`);
  });
}

/** Sums a gradient over what was repeated, back to `shape`. */
function reduceTo(graph: Graph, gradient: Value, shape: Shape): Value {
  const axes = shape.flatMap((dimension, axis) => (dimension === 1 && gradient.shape[axis] !== 1 ? [axis] : []));
  return axes.length === 0 ? gradient : sumOver(graph, gradient, axes);
}

export function add(graph: Graph, a: Value, b: Value): Value {
  return derived(graph, [a, b], graph.emit('Add', [a, b], broadcast('Add', a, b)), (gradient) => [
    reduceTo(graph, gradient, a.shape),
    reduceTo(graph, gradient, b.shape),
  ]);
}

export function subtract(graph: Graph, a: Value, b: Value): Value {
  return derived(graph, [a, b], graph.emit('Sub', [a, b], broadcast('Sub', a, b)), (gradient) => [
    reduceTo(graph, gradient, a.shape),
    scale(graph, reduceTo(graph, gradient, b.shape), -1),
  ]);
}

/** Elementwise. */
export function multiply(graph: Graph, a: Value, b: Value): Value {
  return derived(graph, [a, b], graph.emit('Mul', [a, b], broadcast('Mul', a, b)), (gradient) => [
    reduceTo(graph, multiply(graph, gradient, b), a.shape),
    reduceTo(graph, multiply(graph, gradient, a), b.shape),
  ]);
}

export function scale(graph: Graph, a: Value, factor: number): Value {
  return multiply(graph, a, graph.scalar(factor));
}

/** An operator on each number, with its derivative from input and output. */
function elementwise(
  graph: Graph,
  operator: string,
  a: Value,
  derivative: (input: Value, output: Value) => Value,
): Value {
  const output = graph.emit(operator, [a], a.shape);
  return derived(graph, [a], output, (gradient) => [multiply(graph, gradient, derivative(a, output))]);
}

export function sigmoid(graph: Graph, a: Value): Value {
  return elementwise(graph, 'Sigmoid', a, (_, y) => multiply(graph, y, subtract(graph, graph.scalar(1), y)));
}

export function tanh(graph: Graph, a: Value): Value {
  return elementwise(graph, 'Tanh', a, (_, y) => subtract(graph, graph.scalar(1), multiply(graph, y, y)));
}

export function exp(graph: Graph, a: Value): Value {
  return elementwise(graph, 'Exp', a, (_, y) => y);
}

/** log(1 + e^x) */
export function softplus(graph: Graph, a: Value): Value {
  return elementwise(graph, 'Softplus', a, (x) => sigmoid(graph, x));
}

/** max(x, 0); its derivative is (sign(x) + 1) / 2, which at 0 is 1/2. */
export function relu(graph: Graph, a: Value): Value {
  return elementwise(graph, 'Relu', a, (x) => {
    const sign = graph.emit('Sign', [x], x.shape);
    return scale(graph, add(graph, sign, graph.scalar(1)), 0.5);
  });
}

/** Logarithm of the softmax of each row. */
export function logSoftmax(graph: Graph, a: Value): Value {
  const output = graph.emit('LogSoftmax', [a], a.shape, { axis: 1 });
  return derived(graph, [a], output, (gradient) => {
    const total = sumOver(graph, gradient, [1]);
    return [subtract(graph, gradient, multiply(graph, exp(graph, output), total))];
  });
}

/** Sum over axes, which stay with size 1. */
export function sumOver(graph: Graph, a: Value, axes: readonly number[]): Value {
  const shape = a.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
  const output = graph.emit('ReduceSum', [a, graph.integers(axes)], shape, { keepdims: 1 });
  // Repeated as often as was summed: by what is 0 everywhere, plus the gradient.
  return derived(graph, [a], output, (gradient) => [add(graph, scale(graph, a, 0), gradient)]);
}

/** Sum of all, [1,1]. */
export function sum(graph: Graph, a: Value): Value {
  return sumOver(graph, a, [0, 1]);
}

/** Matrices side by side. */
export function concatColumns(graph: Graph, parts: readonly Value[]): Value {
  return concat(graph, parts, 1);
}

/** Matrices one below the other. */
export function concatRows(graph: Graph, parts: readonly Value[]): Value {
  return concat(graph, parts, 0);
}

function concat(graph: Graph, parts: readonly Value[], axis: 0 | 1): Value {
  const sizes = parts.map((part) => fixed('Concat', dimensions('Concat', part)[axis]));
  const across = parts[0].shape[1 - axis];
  if (parts.some(({ shape }) => shape[1 - axis] !== across)) {
    throw shapeError('Concat', `${parts.map(({ shape }) => `[${shape}]`).join(' and ')} along axis ${axis}`);
  }
  const total = sizes.reduce((all, size) => all + size, 0);
  const output = graph.emit('Concat', parts, axis === 0 ? [total, across] : [across, total], { axis });
  return derived(graph, parts, output, (gradient) => split(graph, gradient, sizes, axis));
}

/** Cuts a matrix into columns of these sizes. */
export function splitColumns(graph: Graph, a: Value, sizes: readonly number[]): Value[] {
  return split(graph, a, sizes, 1);
}

/** Cuts a matrix into rows of these sizes. */
export function splitRows(graph: Graph, a: Value, sizes: readonly number[]): Value[] {
  return split(graph, a, sizes, 0);
}

function split(graph: Graph, a: Value, sizes: readonly number[], axis: 0 | 1): Value[] {
  const shape = dimensions('Split', a);
  const total = sizes.reduce((all, size) => all + size, 0);
  if (total !== fixed('Split', shape[axis])) throw shapeError('Split', `[${a.shape}] into ${sizes} along axis ${axis}`);
  const shapes = sizes.map((size): Shape => (axis === 0 ? [size, shape[1]] : [shape[0], size]));
  const outputs = graph.emitMany('Split', [a, graph.integers(sizes)], shapes, { axis });
  graph.record({
    inputs: [a],
    outputs,
    backward: (gradients) => {
      const whole = gradients.map((gradient, i) => gradient ?? scale(graph, outputs[i], 0));
      return [concat(graph, whole, axis)];
    },
  });
  return outputs;
}

/** The same numbers, in order, in another shape. Shapes are known. */
export function reshape(graph: Graph, a: Value, shape: readonly number[]): Value {
  const from = a.shape.map((dimension) => fixed('Reshape', dimension));
  const size = (dimensions: readonly number[]): number => dimensions.reduce((all, one) => all * one, 1);
  if (size(from) !== size(shape)) throw shapeError('Reshape', `[${from}] to [${shape}]`);
  if (sameShape(from, shape)) return a;
  const output = graph.emit('Reshape', [a, graph.integers(shape)], shape);
  return derived(graph, [a], output, (gradient) => [reshape(graph, gradient, from)]);
}

/** Elementwise, without a gradient: for what comes after the derivative (optimisers, clipping). */
export function divide(graph: Graph, a: Value, b: Value): Value {
  return graph.emit('Div', [a, b], broadcast('Div', a, b));
}

/** As {@link divide}. */
export function squareRoot(graph: Graph, a: Value): Value {
  return graph.emit('Sqrt', [a], a.shape);
}

/** As {@link divide}. */
export function maximum(graph: Graph, a: Value, b: Value): Value {
  return graph.emit('Max', [a, b], broadcast('Max', a, b));
}

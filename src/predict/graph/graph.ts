import { TidegateError } from '../../quic/errors.js';

/** Rows of a batch whose size is known only when the graph runs. */
export type Dimension = number | 'batch';
export type Shape = readonly Dimension[];

/** A tensor of float32 in a graph. */
export interface Value {
  readonly name: string;
  readonly shape: Shape;
}

/** What an attribute of a node can be: an integer, or integers. */
export type Attribute = number | readonly number[];

export interface GraphNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Data that is part of the graph. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** How gradients flow back through a step of the computation. */
export interface TapeEntry {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** Gradients of the inputs, from those of the outputs: null where one has none, and never all of them. */
  readonly backward: (gradients: readonly (Value | null)[]) => readonly Value[];
}

/**
 * A computation over float32 tensors, written down node by node in ONNX's terms (opset 17). Shapes are checked as it
 * grows; {@link operators.ts} has what can be done with values, {@link gradients.ts} derives, {@link encode.ts} makes the
 * file.
 */
export class Graph {
  readonly nodes: GraphNode[] = [];
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly constants: Constant[] = [];
  readonly tape: TapeEntry[] = [];
  #next = 0;

  constructor(readonly name: string) {}

  input(name: string, shape: Shape): Value {
    const value = { name, shape };
    this.inputs.push(value);
    return value;
  }

  /** Names a value as a result. */
  output(name: string, value: Value): void {
    this.nodes.push({ operator: 'Identity', inputs: [value.name], outputs: [name], attributes: {} });
    this.outputs.push({ name, shape: value.shape });
  }

  /** Data of the graph; under a name of its own where it is to be found again in the file. */
  constant(shape: readonly number[], data: ArrayLike<number>, name = this.#fresh('c')): Value {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (size !== data.length) throw shapeError('constant', `${data.length} numbers for the shape [${shape}]`);
    this.constants.push({ name, shape, data: Float32Array.from(data) });
    return { name, shape };
  }

  scalar(value: number): Value {
    return this.constant([1, 1], [value]);
  }

  /** Integers that a node takes as an input (axes, bounds). */
  integers(values: readonly number[]): string {
    const name = this.#fresh('i');
    this.constants.push({ name, shape: [values.length], data: BigInt64Array.from(values, BigInt) });
    return name;
  }

  /** Adds a node with one result. `inputs` are values, or names of integers. */
  emit(
    operator: string,
    inputs: readonly (Value | string)[],
    shape: Shape,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return this.emitMany(operator, inputs, [shape], attributes)[0];
  }

  emitMany(
    operator: string,
    inputs: readonly (Value | string)[],
    shapes: readonly Shape[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const outputs = shapes.map((shape) => ({ name: this.#fresh('v'), shape }));
    this.nodes.push({
      operator,
      inputs: inputs.map((input) => (typeof input === 'string' ? input : input.name)),
      outputs: outputs.map(({ name }) => name),
      attributes,
    });
    return outputs;
  }

  record(entry: TapeEntry): void {
    this.tape.push(entry);
  }

  #fresh(kind: string): string {
    return `${kind}${this.#next++}`;
  }
}

export function shapeError(operator: string, problem: string): TidegateError {
  return new TidegateError('TIDEGATE_E_GRAPH', `${operator}: ${problem}`);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dimension, i) => dimension === b[i]);
}

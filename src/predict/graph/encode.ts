import onnxProto from 'onnx-proto';
import type { Attribute, Constant, Graph, Value } from './graph.js';

const { onnx } = onnxProto;
/** ONNX IR version and operator set; onnxruntime 1.14 and later read them. */
const IR_VERSION = 8;
const OPSET = 17;

const { DataType } = onnx.TensorProto;

function valueInfo({ name, shape }: Value) {
  const dim = shape.map((dimension) => (dimension === 'batch' ? { dimParam: dimension } : { dimValue: dimension }));
  return { name, type: { tensorType: { elemType: DataType.FLOAT, shape: { dim } } } };
}

function tensor({ name, shape, data }: Constant) {
  return {
    name,
    dims: [...shape],
    dataType: data instanceof Float32Array ? DataType.FLOAT : DataType.INT64,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function attribute([name, value]: [string, Attribute]) {
  const { AttributeType } = onnx.AttributeProto;
  return typeof value === 'number'
    ? { name, type: AttributeType.INT, i: value }
    : { name, type: AttributeType.INTS, ints: [...value] };
}

/** The graph as the bytes of an ONNX model. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = onnx.ModelProto.fromObject({
    irVersion: IR_VERSION,
    producerName: 'tidegate',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: graph.name,
      node: graph.nodes.map(({ operator, inputs, outputs, attributes }) => ({
        opType: operator,
        input: [...inputs],
        output: [...outputs],
        attribute: Object.entries(attributes).map(attribute),
      })),
      initializer: graph.constants.map(tensor),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    },
  });
  return onnx.ModelProto.encode(model).finish();
}

/** The float constants of a model's file, by name. Throws where the bytes are no protobuf of one. */
export function decodeConstants(model: Uint8Array): Map<string, Float32Array> {
  const { graph } = onnx.ModelProto.decode(model);
  const tensors = graph?.initializer ?? [];
  return new Map(
    tensors.flatMap(({ name, dataType, rawData }) => {
      if (dataType !== DataType.FLOAT || !rawData || !name) return [];
      // A copy, as floats have to be aligned.
      return [[name, new Float32Array(Uint8Array.from(rawData).buffer)] as const];
    }),
  );
}

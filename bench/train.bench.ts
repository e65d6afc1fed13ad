/** Training: sequences of 32 steps a second on one thread, as ONNX training graphs, and of a GRU of that size in tfjs on WASM. */
import { setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { Bench } from 'tinybench';
import { SessionTable } from '../src/core/session-table.js';
import { Random } from '../src/numeric/random.js';
import { encodeModel } from '../src/predict/graph/encode.js';
import { SESSION_COLUMNS } from '../src/predict/model/inputs.js';
import { DEFAULT_WIDTHS, initialParameters } from '../src/predict/model/parameters.js';
import { corrections, TARGET_COLUMNS, trainGraph } from '../src/predict/model/train-graph.js';
import { OnnxSession } from '../src/predict/runtime.js';
import { DEFAULT_TRAINING } from '../src/predict/training/trainer.js';

const { sequences, steps } = DEFAULT_TRAINING.batch;
const features = new SessionTable().layout.features.length + SESSION_COLUMNS;
const { next } = new Random(1);
const floats = (length: number, most = 1): Float32Array => Float32Array.from({ length }, () => next() * most);

async function ours(): Promise<() => Promise<void>> {
  const size = { features, ...DEFAULT_WIDTHS };
  const normalisation = { mean: new Float32Array(features), deviation: new Float32Array(features).fill(1) };
  const session = await OnnxSession.create(encodeModel(trainGraph(size, normalisation, DEFAULT_TRAINING.batch)));
  const rows = sequences * steps;
  const parameters = initialParameters(size, next);
  const [correction1, correction2] = corrections(1);
  const vector = (data: Float32Array) => ({ shape: [1, data.length], data });
  const one = (value: number) => vector(Float32Array.of(value));
  const inputs = {
    features: { shape: [rows, features], data: floats(rows * features) },
    dropout: { shape: [rows, features], data: new Float32Array(rows * features).fill(1) },
    keep: { shape: [rows, 1], data: new Float32Array(rows).fill(1) },
    targets: { shape: [rows, TARGET_COLUMNS], data: floats(rows * TARGET_COLUMNS) },
    parameters: vector(parameters),
    first: vector(new Float32Array(parameters.length)),
    second: vector(new Float32Array(parameters.length)),
    rate: one(1e-3),
    correction1: one(correction1),
    correction2: one(correction2),
    decay: one(1e-3),
  };
  return async () => void (await session.run(inputs));
}

/** The trunk of the model and a dense layer for its heads, with a mean square error: less than the graph above computes. */
async function tfjs(): Promise<() => Promise<void>> {
  setThreadsCount(1);
  await tf.setBackend('wasm');
  const model = layers.sequential({
    layers: [
      layers.layers.timeDistributed({
        layer: layers.layers.dense({ units: DEFAULT_WIDTHS.inner, activation: 'tanh' }),
        inputShape: [steps, features],
      }),
      layers.layers.gru({ units: DEFAULT_WIDTHS.hidden, recurrentInitializer: 'glorotUniform', returnSequences: true }),
      layers.layers.timeDistributed({ layer: layers.layers.dense({ units: 27 }) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(1e-3), loss: 'meanSquaredError' });
  const x = tf.tensor3d(floats(sequences * steps * features), [sequences, steps, features]);
  const y = tf.tensor3d(floats(sequences * steps * 27), [sequences, steps, 27]);
  return async () => void (await model.trainOnBatch(x, y));
}

const bench = new Bench({ time: 4000, warmupIterations: 2 });
bench.add('ONNX training graph', await ours());
bench.add('tfjs on WASM', await tfjs());
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => ({
    trainer: name,
    'sequences/s': result.state === 'completed' ? Math.round((sequences * 1000) / result.latency.p50) : 'failed',
  })),
);

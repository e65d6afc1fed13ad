import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/numeric/random.js';
import { predictFlows } from '../../src/predict/evaluation/predict-flows.js';
import { Forecaster } from '../../src/predict/forecaster.js';
import { encodeModel } from '../../src/predict/graph/encode.js';
import { Graph } from '../../src/predict/graph/graph.js';
import { tanh } from '../../src/predict/graph/operators.js';
import { decodeNetworks } from '../../src/predict/model/decode.js';
import { SESSION_COLUMNS } from '../../src/predict/model/inputs.js';
import { OUTPUT_COLUMNS } from '../../src/predict/model/outputs.js';
import { initialParameters, type ModelSize, parameterCount } from '../../src/predict/model/parameters.js';
import { predictGraph } from '../../src/predict/model/predict-graph.js';
import { corrections, TARGET_COLUMNS, trainGraph } from '../../src/predict/model/train-graph.js';
import { OnnxSession } from '../../src/predict/runtime.js';
import { allFlowRows, coreColumnsOf, type Flow } from '../../src/predict/training/flow-rows.js';
import { DEFAULT_TRAINING, type TrainingState, train } from '../../src/predict/training/trainer.js';

const random = new Random(5).next;

/** A flow that sends steadily, or one that says a little and falls silent. */
function made(i: number): Flow {
  const isSteady = i % 2 === 0;
  const times = Array.from({ length: isSteady ? 400 : 6 }, (_, k) => k * (isSteady ? 100 : 40) + random() * 10);
  if (!isSteady) times.push(39_000);
  const size = 200 + random() * 1000;
  return {
    name: `f${i}`,
    capture: `c${i}`,
    label: isSteady ? 'streaming' : 'control',
    times,
    out: times.map((_, k) => isSteady && k % 5 !== 0),
    bytes: times.map(() => Math.round(size)),
  };
}

test('a model learns which flows go on and which fall silent, and says it of strangers', {
  timeout: 120_000,
}, async () => {
  const rows = allFlowRows(Array.from({ length: 40 }, (_, i) => made(i)));
  const losses: number[] = [];
  const { model } = await train(rows, {
    ...DEFAULT_TRAINING,
    iterations: 200,
    onProgress: (_, loss) => losses.push(loss),
  });
  assert.ok((losses.at(-1) as number) < losses[0] / 2, losses.join(', '));
  const strangers = allFlowRows(Array.from({ length: 10 }, (_, i) => made(i)));
  const forecaster = await Forecaster.create(model, coreColumnsOf(rows));
  const predictions = await predictFlows(forecaster, strangers);
  await forecaster.release();
  predictions.forEach(({ steps, typeAt10 }, i) => {
    const late = steps[20];
    const { up, down } = strangers[i];
    if (i % 2 === 0) {
      const truth = up[21] + down[21];
      assert.ok(late.predicted > truth / 2 && late.predicted < truth * 2, `${late.predicted}, ${truth}`);
      assert.ok(late.low <= late.high && late.limit > truth / 4);
    } else {
      assert.ok(late.predicted < 30, `${late.predicted} of one that is silent`);
    }
    assert.equal(typeAt10, i % 2 === 0 ? 'streaming' : 'control');
  });
});

test('one step of the predicting graph after the other is the training graph unrolled', async () => {
  const core = 4;
  const size: ModelSize = { features: core + SESSION_COLUMNS, inner: 3, hidden: 2 };
  const normalisation = {
    mean: Float32Array.from({ length: size.features }, (_, i) => i % 4),
    deviation: Float32Array.from({ length: size.features }, (_, i) => 1 + (i % 3)),
  };
  const parameters = initialParameters(size, new Random(3).next);
  const shape = { sequences: 2, steps: 3 };
  const count = shape.sequences * shape.steps;
  const features = Float32Array.from({ length: count * size.features }, (_, i) => Math.abs(Math.sin(i)) * 3);
  const [predicting, training] = await Promise.all([
    OnnxSession.create(encodeModel(predictGraph(size, normalisation, [parameters]))),
    OnnxSession.create(encodeModel(trainGraph(size, normalisation, shape))),
  ]);
  let state = new Float32Array(shape.sequences * size.hidden);
  let expected = 0;
  for (let step = 0; step < shape.steps; step++) {
    const rows = Array.from({ length: shape.sequences }, (_, s) => {
      const row = (step * shape.sequences + s) * size.features;
      return features.subarray(row, row + size.features);
    });
    const columns = (from: number, to: number) => ({
      shape: [shape.sequences, to - from],
      data: Float32Array.from(rows.flatMap((row) => [...row.subarray(from, to)])),
    });
    const { outputs, next } = await predicting.run({
      core: columns(0, core),
      session: columns(core, size.features),
      state: { shape: [shape.sequences, size.hidden], data: state },
    });
    state = next as Float32Array<ArrayBuffer>;
    for (let s = 0; s < shape.sequences; s++) {
      const [any, mean, , , ...quantiles] = outputs.subarray(s * OUTPUT_COLUMNS, s * OUTPUT_COLUMNS + 7);
      expected += mean ** 2 + 0.3 * Math.log1p(Math.exp(any));
      for (const [i, level] of [0.1, 0.5, 0.9].entries()) {
        expected += quantiles[i] > 0 ? (1 - level) * quantiles[i] : -level * quantiles[i];
      }
    }
  }
  // Only the next second is known, and nothing comes in it.
  const targets = new Float32Array(count * TARGET_COLUMNS);
  for (let i = 0; i < count; i++) targets[i * TARGET_COLUMNS + 3] = 1;
  const vector = (data: Float32Array) => ({ shape: [1, data.length], data });
  const [correction1, correction2] = corrections(1);
  const one = (value: number) => ({ shape: [1, 1], data: Float32Array.of(value) });
  const zeros = () => vector(new Float32Array(parameterCount(size)));
  const run = (keep: number) =>
    training.run({
      features: { shape: [count, size.features], data: features },
      dropout: { shape: [count, size.features], data: new Float32Array(count * size.features).fill(1) },
      keep: { shape: [count, 1], data: new Float32Array(count).fill(keep) },
      targets: { shape: [count, TARGET_COLUMNS], data: targets },
      parameters: vector(parameters),
      first: zeros(),
      second: zeros(),
      rate: one(0.01),
      correction1: one(correction1),
      correction2: one(correction2),
      decay: one(0),
    });
  const trained = await run(1);
  assert.notEqual((await run(0)).loss[0], trained.loss[0], 'states that begin anew say something else');
  assert.ok(Math.abs(trained.loss[0] * count - expected) < 1e-4 * expected, `${trained.loss[0] * count}, ${expected}`);
  // A first step of Adam moves each parameter that has a gradient by the rate.
  const moved = trained.newParameters.filter((value, i) => Math.abs(value - parameters[i]) > 0.009);
  assert.ok(moved.length > 10 && trained.newParameters.every(Number.isFinite));
  await predicting.release();
  await training.release();
});

test('a model for other features is refused, and so is one that is none of ours or answers with no numbers', async () => {
  const features = 4;
  const size: ModelSize = { features: features + SESSION_COLUMNS, inner: 3, hidden: 2 };
  const normalisation = {
    mean: new Float32Array(size.features),
    deviation: new Float32Array(size.features).fill(1),
  };
  const parameters = initialParameters(size, new Random(1).next);
  const encoded = (flat: Float32Array) => encodeModel(predictGraph(size, normalisation, [flat]));
  const refused = (message: RegExp) => ({ code: 'TIDEGATE_E_MODEL', message });
  await (await Forecaster.create(encoded(parameters), features)).release();
  await assert.rejects(Forecaster.create(encoded(parameters), 128), refused(/takes 4 features, and there are 128/));
  const foreign = new Graph('foreign');
  foreign.output('y', tanh(foreign, foreign.input('x', [1, 1])));
  await assert.rejects(Forecaster.create(encodeModel(foreign), features), refused(/has no input core/));
  await assert.rejects(Forecaster.create(Uint8Array.of(1, 2, 3), features), refused(/no model/));
  const broken = parameters.slice();
  broken[broken.length - 1] = Number.NaN;
  await assert.rejects(Forecaster.create(encoded(broken), features), refused(/no number/));
});

test('the networks of a model are found again in its file', async () => {
  const size: ModelSize = { features: 4 + SESSION_COLUMNS, inner: 3, hidden: 2 };
  const normalisation = {
    mean: Float32Array.from({ length: size.features }, (_, i) => i),
    deviation: new Float32Array(size.features).fill(2),
  };
  const members = [1, 2].map((seed) => initialParameters(size, new Random(seed).next));
  const first = predictGraph(size, normalisation, members);
  const found = decodeNetworks(encodeModel(first));
  assert.deepEqual(found.size, size);
  assert.deepEqual(found.normalisation, normalisation);
  const again = predictGraph(found.size, found.normalisation, found.members);
  again.constants.forEach(({ name, data }, i) => {
    assert.equal(name, first.constants[i].name);
    for (const [k, value] of data.entries()) {
      assert.ok(Math.abs(Number(value) - Number(first.constants[i].data[k])) < 1e-6, name);
    }
  });
  assert.throws(() => decodeNetworks(Uint8Array.of(9, 9)), { code: 'TIDEGATE_E_MODEL' });
  const foreign = new Graph('foreign');
  foreign.output('y', tanh(foreign, foreign.input('x', [1, 1])));
  assert.throws(() => decodeNetworks(encodeModel(foreign)), { code: 'TIDEGATE_E_MODEL', message: /none of ours/ });
});

test('a run that was broken off and gone on with ends in the same model', { timeout: 60_000 }, async () => {
  const rows = allFlowRows(Array.from({ length: 8 }, (_, i) => made(i)));
  const options = { ...DEFAULT_TRAINING, iterations: 120, members: 2, variants: 1, synthetic: 4 };
  const states: TrainingState[] = [];
  const whole = await train(rows, {
    ...options,
    onCheckpoint: async (state) => void states.push(structuredClone(state)),
  });
  assert.equal(states.length, 4, 'within each network, and after it');
  for (const resume of states.slice(0, 3)) {
    const again = await train(rows, { ...options, resume: structuredClone(resume) });
    assert.deepEqual(again.model, whole.model);
  }
});

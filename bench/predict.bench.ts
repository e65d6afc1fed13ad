/** What a step of the model costs a session, by the size of the batch: inference alone, on one thread, random weights. */
import { Bench } from 'tinybench';
import { SessionTable } from '../src/core/session-table.js';
import { Forecaster } from '../src/predict/forecaster.js';
import { encodeModel } from '../src/predict/graph/encode.js';
import { SESSION_COLUMNS } from '../src/predict/model/inputs.js';
import { DEFAULT_WIDTHS, initialParameters } from '../src/predict/model/parameters.js';
import { predictGraph } from '../src/predict/model/predict-graph.js';
import { Random } from '../src/predict/training/random.js';
import { DEFAULT_TRAINING } from '../src/predict/training/trainer.js';

const core = new SessionTable().layout.features.length;
const features = core + SESSION_COLUMNS;
const size = { features, ...DEFAULT_WIDTHS };
const normalisation = { mean: new Float32Array(features), deviation: new Float32Array(features).fill(1) };
const random = new Random(1).next;
const bench = new Bench({ time: 1000 });
for (const members of [1, 2, 3, DEFAULT_TRAINING.members]) {
  const networks = Array.from({ length: members }, () => initialParameters(size, random));
  const forecaster = await Forecaster.create(encodeModel(predictGraph(size, normalisation, networks)), core);
  for (const batch of [1, 256, 512, 1024, 2048, 4096, 16_384]) {
    const of = (columns: number): Float32Array => Float32Array.from({ length: batch * columns }, () => random());
    const inputs = { core: of(core), session: of(SESSION_COLUMNS), state: of(forecaster.stateColumns) };
    bench.add(`${members} network${members === 1 ? '' : 's'}, ${batch} sessions`, async () => {
      await forecaster.step(inputs, batch);
    });
  }
}
await bench.run();
console.table(
  bench.tasks.map(({ name, result }) => ({
    model: name,
    'us a session':
      result.state === 'completed'
        ? Number(((result.latency.p50 * 1000) / Number(name.split(', ')[1].split(' ')[0])).toFixed(2))
        : 'failed',
  })),
);

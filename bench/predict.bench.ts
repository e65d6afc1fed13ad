/** What a step of the model costs a session, by the size of the batch: inference alone, on one thread, random weights. */
import { Bench } from 'tinybench';
import { SessionTable } from '../src/core/session-table.js';
import { encodeModel } from '../src/predict/graph/encode.js';
import { DEFAULT_WIDTHS, initialParameters, uniform } from '../src/predict/model/parameters.js';
import { PhaseColumns } from '../src/predict/model/phase.js';
import { predictGraph } from '../src/predict/model/predict-graph.js';
import { TickHistory } from '../src/predict/model/tick-history.js';
import { OnnxSession } from '../src/predict/runtime.js';
import { DEFAULT_TRAINING } from '../src/predict/training/trainer.js';

const features = new SessionTable().layout.features.length + PhaseColumns.columns + TickHistory.columns;
const size = { features, ...DEFAULT_WIDTHS };
const normalisation = { mean: new Float32Array(features), deviation: new Float32Array(features).fill(1) };
const random = uniform(1);
const bench = new Bench({ time: 2000 });
for (const members of [1, DEFAULT_TRAINING.members]) {
  const networks = Array.from({ length: members }, () => initialParameters(size, random));
  const session = await OnnxSession.create(encodeModel(predictGraph(size, normalisation, networks)));
  for (const batch of [1, 1024, 16_384]) {
    const rows = Float32Array.from({ length: batch * features }, () => random() * 2 - 1);
    const state = new Float32Array(batch * size.hidden * members);
    bench.add(`${members} network${members === 1 ? '' : 's'}, ${batch} sessions`, async () => {
      await session.run({
        features: { shape: [batch, features], data: rows },
        state: { shape: [batch, size.hidden * members], data: state },
      });
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

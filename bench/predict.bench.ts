/**
 * What a tick costs a session, and where it goes: from the core's records to new limits in them, with the base model, on one
 * thread. Then the model alone, by the number of its networks.
 */
import { Bench } from 'tinybench';
import { DEFAULT_POLICY } from '../src/adapt/settings.js';
import { FeatureMatrixReader, FeatureMatrixWriter, type FeatureTick } from '../src/core/feature-matrix.js';
import { LimitsMailbox } from '../src/core/limits-mailbox.js';
import { SessionTable } from '../src/core/session-table.js';
import { SettingsWriter } from '../src/host/prediction/settings-writer.js';
import { Random } from '../src/numeric/random.js';
import { Forecaster } from '../src/predict/forecaster.js';
import { encodeModel } from '../src/predict/graph/encode.js';
import { SESSION_COLUMNS } from '../src/predict/model/inputs.js';
import { DEFAULT_WIDTHS, initialParameters } from '../src/predict/model/parameters.js';
import { predictGraph } from '../src/predict/model/predict-graph.js';
import { SessionRows } from '../src/predict/serving/session-rows.js';
import { ModelStore } from '../src/predict/store/model-store.js';
import { DEFAULT_TRAINING } from '../src/predict/training/trainer.js';

const SLICE = 1024;
const TICKS = 40;
const { next } = new Random(1);
const { bytes: base } = await new ModelStore('/nowhere').champion();

/** Microseconds a session of each part of a tick: the median of some ticks. */
async function tick(sessions: number): Promise<Record<string, number>> {
  const table = new SessionTable(sessions, sessions);
  const core = table.layout.features.length;
  const forecaster = await Forecaster.create(base, core);
  const handles = Int32Array.from({ length: sessions }, () => table.open(0));
  const rates = Float64Array.from(handles, () => 10 ** (next() * 4));
  const writer = new FeatureMatrixWriter(table);
  const reader = new FeatureMatrixReader(table.share);
  const rows = new SessionRows(table.layout, forecaster.stateColumns, 1);
  const settings = new SettingsWriter(new LimitsMailbox(table.share), { ...DEFAULT_POLICY, minRateLimit: 1000 }, 1);
  const spent = new Map<string, number[]>();
  let started = 0;
  const lap = (name: string): void => {
    const now = performance.now();
    spent.set(name, [...(spent.get(name) ?? []), ((now - started) * 1000) / sessions]);
    started = performance.now();
  };
  for (let second = 1; second <= TICKS; second++) {
    handles.forEach((handle, i) => {
      const packets = 1 + Math.floor(next() * 3);
      for (let k = 0; next() < 0.6 && k < packets; k++) {
        table.core.datagramIn(handle, Math.ceil((rates[i] * next()) / packets), second * 1000 - 500 + k);
      }
    });
    started = performance.now();
    writer.begin(handles, sessions, second * 1000);
    while (writer.isWriting) writer.slice();
    lap('extract (shard)');
    const read = reader.read(second - 1) as FeatureTick;
    lap('read rows');
    rows.take(read);
    lap('history, feedback');
    let [run, correct, write] = [0, 0, 0];
    for (let from = 0; from < sessions; from += SLICE) {
      const count = Math.min(SLICE, sessions - from);
      const [{ columns, data }] = rows.states;
      let at = performance.now();
      const { outputs, next: state } = await forecaster.step(
        {
          core: read.features.subarray(from * core, (from + count) * core),
          session: rows.session.subarray(from * SESSION_COLUMNS, (from + count) * SESSION_COLUMNS),
          state: data.subarray(from * columns, (from + count) * columns),
        },
        count,
      );
      data.set(state, from * columns);
      run += performance.now() - at;
      at = performance.now();
      for (let row = 0; row < count; row++) {
        rows.feedback.correct(rows.placeOf(from + row), outputs, row, rows.totals[from + row]);
      }
      correct += performance.now() - at;
      at = performance.now();
      for (let row = 0; row < count; row++) {
        settings.follow(rows.handles[from + row], rows.placeOf(from + row), outputs, row);
      }
      write += performance.now() - at;
    }
    for (const [name, ms] of [
      ['model', run],
      ['bands, bias', correct],
      ['settings', write],
    ] as const) {
      spent.set(name, [...(spent.get(name) ?? []), (ms * 1000) / sessions]);
    }
  }
  await forecaster.release();
  // The first half warms up.
  const median = (values: number[]): number => values.slice(TICKS / 2).sort((a, b) => a - b)[TICKS / 4];
  const parts = Object.fromEntries([...spent].map(([name, values]) => [name, Number(median(values).toFixed(3))]));
  return {
    sessions,
    ...parts,
    all: Number(
      Object.values(parts)
        .reduce((sum, value) => sum + value, 0)
        .toFixed(2),
    ),
  };
}

console.log('a tick, us a session');
console.table([await tick(1024), await tick(16_384)]);

const core = new SessionTable().layout.features.length;
const features = core + SESSION_COLUMNS;
const size = { features, ...DEFAULT_WIDTHS };
const normalisation = { mean: new Float32Array(features), deviation: new Float32Array(features).fill(1) };
const bench = new Bench({ time: 1000 });
for (const members of new Set([1, 2, DEFAULT_TRAINING.members])) {
  const networks = Array.from({ length: members }, () => initialParameters(size, next));
  const forecaster = await Forecaster.create(encodeModel(predictGraph(size, normalisation, networks)), core);
  for (const batch of [1, SLICE]) {
    const of = (columns: number): Float32Array => Float32Array.from({ length: batch * columns }, () => next());
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

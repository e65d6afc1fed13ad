/**
 * What it costs to find the unusual: a value of a series; a session and tick, beside the prediction of the same tick.
 */
import { Bench } from 'tinybench';
import type { FeatureTick } from '../src/core/feature-matrix.js';
import { SessionTable } from '../src/core/session-table.js';
import { SeriesDetector } from '../src/predict/anomaly/series-detector.js';
import { Forecaster } from '../src/predict/forecaster.js';
import { SESSION_COLUMNS } from '../src/predict/model/inputs.js';
import { FunctionHabits } from '../src/predict/risk/function-habits.js';
import { readScale } from '../src/predict/risk/risk-scale.js';
import { SessionRisks } from '../src/predict/risk/session-risks.js';
import { SessionRows } from '../src/predict/serving/session-rows.js';
import { BASE_MODEL, readPlainModel } from '../src/predict/store/model-store.js';

const SESSIONS = 4096;
const VALUES = 10_000;

const table = new SessionTable(SESSIONS, SESSIONS);
const columns = table.layout.features.length;
const handles = Int32Array.from({ length: SESSIONS }, () => table.open(0));
let now = 0;
let ticks = 0;

/** A tick in which every fourth session did something. */
function tick(): FeatureTick {
  now += 1000;
  const features = new Float32Array(SESSIONS * columns);
  handles.forEach((handle, row) => {
    if ((row + ticks) % 4 === 0) for (let i = 0; i < 5; i++) table.core.datagramIn(handle, 200, now - 500 + i * 90);
    features.set(table.features(handle, now), row * columns);
  });
  const none = new Float64Array(SESSIONS);
  return { tick: ++ticks, now, rows: SESSIONS, handles, features, bytesIn: none, bytesOut: none };
}

const forecaster = await Forecaster.create((await readPlainModel(BASE_MODEL)).bytes, columns);
const rows = new SessionRows(table.layout, forecaster.stateColumns, 1);
const scale = readScale();
const risks = new SessionRisks(table.layout.features, 1, scale, new FunctionHabits(scale));
const context = { functionId: 'echo', openedAt: 0, visits: 0, expectedLogRate: 0, errors: [0, 0, 0, 0, 0] };
for (const handle of handles) risks.opened(handle, context);
const series = Array.from({ length: VALUES }, (_, i) => 100 + 30 * Math.sin(i / 40) + ((i * 7919) % 101) / 10);
let current = tick();
rows.take(current);

const bench = new Bench({ time: 1500 });
bench
  .add('series', () => {
    const detector = new SeriesDetector();
    for (let i = 0; i < VALUES; i++) detector.update(i * 60, series[i]);
  })
  .add(
    'risk',
    () => {
      risks.tick(rows, current);
    },
    {
      beforeEach: () => {
        current = tick();
        rows.take(current);
      },
    },
  )
  .add('prediction', async () => {
    const state = rows.states[0].data.subarray(0, SESSIONS * forecaster.stateColumns);
    const session = rows.session.subarray(0, SESSIONS * SESSION_COLUMNS);
    await forecaster.step({ core: current.features, session, state }, SESSIONS);
  });
await bench.run();
await forecaster.release();

const [ofSeries, ofRisk, ofPrediction] = bench.tasks.map(({ result }) =>
  'latency' in result ? result.latency.p50 : Number.NaN,
);
console.log(`series detector: ${Math.round((VALUES / ofSeries) * 1000)} values/s`);
console.log(
  `risk: ${((ofRisk * 1000) / SESSIONS).toFixed(3)} us a session and tick, ` +
    `${((100 * ofRisk) / ofPrediction).toFixed(1)} % of the prediction (${((ofPrediction * 1000) / SESSIONS).toFixed(2)} us)`,
);

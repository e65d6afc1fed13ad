/**
 * `npm run bench:ci`: a few ratios of hot paths to a baseline of the same run, and what they may not fall below. Loose, as
 * machines differ: a ratio that falls this far has lost what it was for. Ends with 1 where one did.
 */
import { RateLimiter } from 'limiter';
import { Bench } from 'tinybench';
import { SessionTable } from '../src/core/session-table.js';
import { drawFeatures, FourierFeatures } from '../src/numeric/fourier-features.js';
import { BehavioralProfiler } from '../src/profile/behavioral-profiler.js';
import { LoadForecaster } from '../src/scale/forecast/load-forecaster.js';
import { clientName, tickUpdate } from './support/full-profile.js';

interface Guard {
  name: string;
  ours: () => void;
  baseline: () => void;
  /** What the baseline takes over what ours takes: at least. */
  least: number;
}

const limits = { rate: 1e12, burst: 1e12, packetRate: 1e9, packetBurst: 1e9 };
const BATCH = 1000;
const times = (work: (i: number) => void) => (): void => {
  for (let i = 0; i < BATCH; i++) work(i);
};

function tokens(): Guard {
  const table = new SessionTable(1_000_000, 64);
  const handle = table.open(0, { in: limits });
  const limiter = new RateLimiter({ tokensPerInterval: 1e9, interval: 'second' });
  let now = 1000;
  return {
    name: 'a token decision and features, against `limiter`',
    ours: times(() => {
      now += 0.001;
      table.core.datagramIn(handle, 100, now);
    }),
    baseline: times(() => limiter.tryRemoveTokens(1)),
    least: 1.5,
  };
}

function features(): Guard {
  const [inputs, size] = [38, 320];
  const row = Float64Array.from({ length: inputs }, (_, i) => Math.sin(i));
  const into = new Float64Array(size);
  const { weights, phases } = drawFeatures(inputs, size, 8);
  const fourier = new FourierFeatures(inputs, size, 8);
  return {
    name: 'Fourier features, against plain loops',
    ours: () => fourier.write(row, into, 0),
    baseline: () => {
      for (let k = 0; k < size; k++) {
        let sum = phases[k];
        for (let i = 0; i < inputs; i++) sum += weights[k * inputs + i] * row[i];
        into[k] = Math.cos(sum);
      }
    },
    least: 3,
  };
}

function profiles(): Guard {
  const profiler = new BehavioralProfiler();
  const names = Array.from({ length: BATCH }, (_, i) => clientName(i));
  const rates = new Map(names.map((name) => [name, { rate: 0, seen: 0 }]));
  let timestamp = 1_800_000_000_000;
  for (const name of names) profiler.updateProfile(name, tickUpdate(name, timestamp, true));
  return {
    name: 'a profile update, against an average in a Map',
    ours: () => {
      timestamp += 1000;
      for (const name of names) profiler.updateProfile(name, tickUpdate(name, timestamp));
    },
    baseline: () => {
      for (const name of names) {
        const known = rates.get(name);
        if (known === undefined) continue;
        known.rate += (1500 - known.rate) / 30;
        known.seen++;
      }
    },
    least: 0.03,
  };
}

function forecasts(): Guard {
  const forecaster = new LoadForecaster();
  let minute = 0;
  const history = new Float64Array(11_520);
  const minutes = (): void => {
    for (let part = 0; part < 6; part++) forecaster.add(100 + 50 * Math.sin(minute / 200) + (minute % 7));
    minute++;
  };
  for (let i = 0; i < 2000; i++) minutes();
  return {
    name: 'a minute of load forecasts, against sorting eight days of minutes',
    ours: minutes,
    baseline: () => {
      for (let i = 0; i < history.length; i++) history[i] = (i * 7919) % 11_520;
      history.sort();
    },
    least: 0.12,
  };
}

let failed = 0;
for (const { name, ours, baseline, least } of [tokens(), features(), profiles(), forecasts()]) {
  const bench = new Bench({ time: 1500, warmupTime: 300 });
  bench.add('ours', ours).add('baseline', baseline);
  await bench.run();
  const [mine, theirs] = bench.tasks.map(({ result }) => ('latency' in result ? result.latency.p50 : Number.NaN));
  const ratio = (theirs ?? Number.NaN) / (mine ?? Number.NaN);
  const isKept = ratio >= least;
  if (!isKept) failed++;
  console.log(`${isKept ? 'kept' : 'LOST'}: ${name}: ${ratio.toFixed(3)}, at least ${least.toFixed(3)}`);
}
process.exitCode = failed > 0 ? 1 : 0;

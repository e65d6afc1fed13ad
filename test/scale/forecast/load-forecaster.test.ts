import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LoadForecaster } from '../../../src/scale/forecast/load-forecaster.js';
import { LoadHistory, PARTS } from '../../../src/scale/forecast/load-history.js';
import { desiredReplicas } from '../../../src/scale/replicas/desired-replicas.js';
import { CLI } from '../../support/host-process.js';
import { seeded } from '../../support/seeded.js';

const SHARED = fileURLToPath(new URL('../../../../../shared', import.meta.url));
const cli = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', timeout: 120_000 });

/** Loads of ten seconds with a day and noise. */
function daily(minutes: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: minutes * PARTS }, (_, i) => {
    const day = Math.sin((2 * Math.PI * i) / (1440 * PARTS));
    return Math.max(0, 100 + 60 * day + 10 * (random() - 0.5));
  });
}

describe('LoadForecaster', () => {
  test('foretells a day better than the last minute does, with a band that holds', () => {
    const loads = daily(4 * 1440, 1);
    const forecaster = new LoadForecaster([15]);
    let [ours, naive, inside, count] = [0, 0, 0, 0];
    const told: { mean: number; low: number; high: number }[] = [];
    const minutes: number[] = [];
    for (const load of loads) {
      if (!forecaster.add(load)) continue;
      const last = forecaster.history.count - 1;
      minutes.push(forecaster.history.at(last));
      const before = told[last];
      if (before !== undefined && last > 2 * 1440) {
        ours += (before.mean - minutes[last]) ** 2;
        naive += (minutes[last - 15] - minutes[last]) ** 2;
        if (minutes[last] >= before.low && minutes[last] <= before.high) inside++;
        count++;
      }
      const [{ mean, quantile }] = forecaster.forecasts();
      told[last + 15] = { mean, low: quantile(0.1), high: quantile(0.9) };
    }
    assert.ok(ours < 0.2 * naive, `${ours} and ${naive}`);
    assert.ok(inside / count > 0.74 && inside / count < 0.86, `${inside / count}`);
  });

  test('never looks ahead: what comes later changes nothing that was foretold', () => {
    const loads = daily(300, 2);
    const told = (after: number): number[] => {
      const forecaster = new LoadForecaster([1, 5]);
      const means: number[] = [];
      loads.forEach((load, i) => {
        if (forecaster.add(i < 200 * PARTS ? load : after))
          means.push(...forecaster.forecasts().map(({ mean }) => mean));
      });
      return means.slice(0, 400);
    };
    assert.deepEqual(told(Number.NaN), told(1e9));
  });

  test('nonsense, gaps and leaps leave forecasts that are numbers, and quantiles that rise', () => {
    const random = seeded(3);
    const forecaster = new LoadForecaster();
    const odd = [Number.NaN, -5, Number.POSITIVE_INFINITY, 0, 1e12];
    for (let i = 0; i < 3000; i++) {
      const load = random() < 0.05 ? odd[Math.floor(random() * odd.length)] : 50 * random();
      if (!forecaster.add(load)) continue;
      for (const { mean, spread, quantile } of forecaster.forecasts()) {
        assert.ok(mean >= 0 && Number.isFinite(mean) && Number.isFinite(spread));
        const quantiles = [0.1, 0.5, 0.9, 0.99].map(quantile);
        for (let k = 1; k < quantiles.length; k++) assert.ok(quantiles[k] >= quantiles[k - 1]);
      }
    }
  });

  test('bursts at the half hours, of other lengths each time, are foretold by more than the time of day', () => {
    const random = seeded(5);
    const forecaster = new LoadForecaster([5]);
    const minutes: number[] = [];
    const told: number[] = [];
    let [until, ours, naive] = [0, 0, 0];
    for (let minute = 0; minute < 3 * 1440; minute++) {
      if (minute % 30 === 2 && random() < 0.7) until = minute + 4 + Math.floor(12 * random());
      const load = (minute < until ? 400 : 100) * (0.95 + 0.1 * random());
      minutes.push(load);
      for (let part = 0; part < PARTS; part++) forecaster.add(load / PARTS);
      if (minute > 2 * 1440) {
        ours += (told[minute] - load) ** 2;
        naive += (minutes[minute - 5] - load) ** 2;
      }
      told[minute + 5] = forecaster.forecasts()[0].mean;
    }
    assert.ok(ours < 0.45 * naive, `${ours / naive}`);
  });

  test('remembered minutes are time that passed: a day later the same is foretold from them at once', () => {
    const loads = daily(1440, 6);
    const minutes = Array.from({ length: 1440 }, (_, i) =>
      loads.slice(i * PARTS, (i + 1) * PARTS).reduce((a, b) => a + b),
    );
    const forecaster = new LoadForecaster([15]);
    forecaster.remember(minutes);
    assert.equal(forecaster.history.count, 1440);
    assert.ok(Math.abs(forecaster.forecasts()[0].mean / minutes[1439] - 1) < 0.2);
    forecaster.remember([Number.NaN, Number.NaN]);
    assert.equal(forecaster.history.count, 1442);
    assert.ok(Math.abs(forecaster.history.at(1441) / minutes[1439] - 1) < 0.2, 'what is no number is the level');
    for (let i = 0; i < PARTS; i++) forecaster.add(minutes[0] / PARTS);
    assert.ok(Number.isFinite(forecaster.forecasts()[0].mean));
  });

  test('what others know of the minutes to come is believed as far as it was right', () => {
    const told = (isRight: boolean): number => {
      const random = seeded(9);
      const loads = Array.from({ length: 900 }, (_, i) => {
        const level = 100 + 80 * Math.sign(Math.sin(i / 7) + random() - 0.5);
        return level * (0.9 + 0.2 * random());
      });
      const forecaster = new LoadForecaster([3]);
      const means: number[] = [];
      let error = 0;
      loads.forEach((load, minute) => {
        const knows = (ahead: number) => (isRight ? loads[minute + ahead] : 1e4 * random());
        for (let part = 0; part < PARTS; part++) forecaster.add(load / PARTS, knows);
        if (minute > 300) error += (means[minute] - load) ** 2;
        means[minute + 3] = forecaster.forecasts()[0].mean;
      });
      return Math.sqrt(error / 600);
    };
    assert.ok(told(true) < 20, `${told(true)}`);
    assert.ok(told(false) < 90, `${told(false)}`);
  });

  test('before the first minute there is no forecast', () => {
    assert.deepEqual(new LoadForecaster().forecasts(), []);
  });
});

test('LoadHistory keeps eight days', () => {
  const history = new LoadHistory();
  for (let minute = 0; minute < 9 * 1440; minute++) history.add(new Array(PARTS).fill(minute / PARTS));
  assert.equal(history.at(0), 0);
  assert.ok(Math.abs(history.at(9 * 1440 - 1) - (9 * 1440 - 1)) < 1e-6);
  assert.equal(history.at(9 * 1440), 0);
});

test('replicas stay within their bounds, whatever is forecast', () => {
  const policy = { capacity: 100, startMinutes: 2, margin: 1, least: 2, most: 50 };
  const forecast = (mean: number, spread = 0) => [{ horizon: 2, mean, spread, quantile: () => mean }];
  assert.equal(desiredReplicas(forecast(0), policy), 2);
  assert.equal(desiredReplicas(forecast(1e9), policy), 50);
  assert.equal(desiredReplicas(forecast(1000), policy), 10, 'a forecast that is sure of itself needs no more');
  assert.equal(desiredReplicas(forecast(1000, 100), policy), 11);
  assert.equal(
    desiredReplicas(forecast(1000, 800), policy),
    16,
    'fewer than eight: a wide spread earns less than its width',
  );
  assert.equal(desiredReplicas(forecast(10), { ...policy, least: 1 }), 1, 'a host that is hardly used needs no second');
  assert.equal(desiredReplicas(forecast(Number.NaN), policy), null);
  assert.equal(desiredReplicas([], policy), null);
  assert.equal(desiredReplicas(forecast(1000), { ...policy, capacity: 0 }), null);
});

const files = ['nasa-1995-07-requests-per-10s.csv.gz', 'twitter-2021-08a-tweets-per-10s.csv.gz'];
const absent = existsSync(join(SHARED, 'data', files[0])) ? false : 'no ../shared/data';

test('eval --load agrees with score_load.py', { skip: absent }, (t) => {
  const out = mkdtempSync(join(tmpdir(), 'tidegate-load-'));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  const path = join(SHARED, 'data', files[1]);
  const ours = cli('eval', '--load', path, '--out', out, '--json');
  assert.equal(ours.status, 0, ours.stderr);
  const scores = JSON.parse(ours.stdout);
  const theirs = spawnSync('python3', [join(SHARED, 'tools', 'score_load.py'), path, out, '--json'], {
    encoding: 'utf8',
  });
  if (theirs.status !== 0) return t.skip('no python3-numpy');
  for (const [name, value] of Object.entries(JSON.parse(theirs.stdout) as Record<string, number>)) {
    if (name.startsWith('missing')) assert.equal(value, 0);
    else assert.ok(Math.abs(scores[name] - value) < 2e-3, `${name}: ${scores[name]} and ${value}`);
  }
  for (const horizon of [1, 5, 15]) {
    assert.ok(scores[`rmseRatio${horizon}`] < 0.97 && scores[`intervalRatio${horizon}`] < 0.95, ours.stdout);
  }
});

test('simulate plays the HPA as scaling_reference.py does', { skip: absent }, () => {
  const results = [
    [files[0], 'hpa'],
    [files[1], 'hpa,tidegate'],
  ].flatMap(([file, policies]) => {
    const { status, stdout, stderr } = cli('simulate', join(SHARED, 'data', file), '--policy', policies, '--json');
    assert.equal(status, 0, stderr);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  });
  // Of the script, HPA at 70 %.
  for (const [file, minutes, pods] of [
    [files[0], 533, 248_064],
    [files[1], 136, 100_966],
  ] as const) {
    const hpa = results.find((one) => one.file.endsWith(file) && one.name === 'hpa');
    assert.ok(Math.abs(hpa.minutesOver / minutes - 1) < 0.02 && Math.abs(hpa.replicaMinutes / pods - 1) < 0.02);
  }
  const { atHpa70 } = results.find(({ name }) => name === 'tidegate');
  assert.ok(atHpa70.minutes < 0.85 && atHpa70.load < 0.75, JSON.stringify(atHpa70));
});

test('simulate --hosts: what a host does for the forecast of all does not grow with the fleet', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-fleet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'day.csv');
  writeFileSync(file, Array.from({ length: 8640 }, (_, i) => 50 + 40 * Math.sin(i / 1375)).join('\n'));
  const { stdout, stderr } = cli('simulate', file, '--hosts', '1000', '--json');
  const days = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)) as {
    hosts: number;
    bytesRead: number;
    sumError: number;
    forecastRatio: number;
  }[];
  assert.deepEqual(
    days.map(({ hosts }) => hosts),
    [10, 100, 1000],
    stderr,
  );
  assert.ok(days[2].bytesRead < days[1].bytesRead * 3);
  assert.ok(days[0].sumError < 1e-9 && days[2].sumError < 0.1, stdout);
  assert.ok(days[2].forecastRatio < 1.3, stdout);
});

test('a load series that is none is a clear error', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-load-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'load.csv');
  const fails = (text: string, what: RegExp): void => {
    writeFileSync(file, text);
    const { status, stderr } = cli('simulate', file);
    assert.equal(status, 2);
    assert.match(stderr, what);
  };
  fails('1\n2\n', /too few/);
  fails('1\n2\nmany\n', /line 3: "many" ends in no count/);
  fails('1\n-2\n', /line 2/);
  const { status, stderr } = cli('simulate', file, '--policy', 'magic');
  assert.equal(status, 2);
  assert.match(stderr, /there are hpa, margin, schedule, tidegate/);
});

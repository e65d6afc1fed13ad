import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { behaviourOf } from '../../src/predict/behaviour.js';
import { foldsByCapture } from '../../src/predict/evaluation/folds.js';
import { allFlowRows, type Flow } from '../../src/predict/training/flow-rows.js';
import { CLI } from '../support/host-process.js';

const SHARED = fileURLToPath(new URL('../../../../shared', import.meta.url));
const flow = (name: string, capture: string, packets: [number, boolean, number][]): Flow => ({
  name,
  capture,
  label: null,
  times: packets.map(([time]) => time),
  out: packets.map(([, out]) => out),
  bytes: packets.map(([, , bytes]) => bytes),
});

test('behaviour: by volume, steadiness and direction', () => {
  const seconds = (value: number, count = 30) => new Float64Array(count).fill(value);
  assert.equal(behaviourOf(seconds(10), seconds(10), 0, 30), 'control');
  assert.equal(behaviourOf(seconds(100), seconds(5000), 0, 30), 'streaming');
  assert.equal(behaviourOf(seconds(3000), seconds(3000), 0, 30), 'transactional');
  const burst = seconds(0);
  burst[3] = 1e6;
  assert.equal(behaviourOf(seconds(0), burst, 0, 30), 'transactional');
});

test('rows know nothing of what comes after them, and their targets are just that', () => {
  const before: [number, boolean, number][] = [
    [0, false, 100],
    [500, true, 900],
    [2500, false, 50],
  ];
  const long = allFlowRows([flow('a', 'x', [...before, [11_000, true, 7000]])])[0];
  const other = allFlowRows([flow('a', 'x', [...before, [11_000, false, 3], [11_500, false, 3]])])[0];
  assert.equal(long.steps.length, 11);
  for (let i = 0; i < 11; i++) assert.deepEqual(long.steps[i].features, other.steps[i].features);
  // The second from 2 s to 3 s brings 50 bytes; the ten from 1 s on bring that alone.
  const near = (value: number, expected: number): void => assert.ok(Math.abs(value - expected) < 1e-5);
  near(long.steps[1].targets[0], Math.log1p(50));
  near(long.steps[0].targets[1], Math.log1p(50));
  near(long.steps[1].targets[1], Math.log1p(7050));
  assert.deepEqual([...long.steps[0].targets.subarray(3, 6)], [1, 1, 0], 'a minute ahead is not known');
  assert.deepEqual([...long.events.keys()], [1, 2, 3, 4]);
  near(long.events.get(1)?.targets[1] as number, Math.log1p(950));
});

test('flows of one capture fall into one fold, and the folds are alike in size', () => {
  const packets: [number, boolean, number][] = [
    [0, false, 1],
    [20_000, false, 1],
  ];
  const rows = allFlowRows(Array.from({ length: 60 }, (_, i) => flow(`f${i}`, `c${i % 20}`, packets)));
  const folds = foldsByCapture(rows, 5);
  rows.forEach((row, i) => {
    assert.equal(folds[i], folds[rows.findIndex((other) => other.flow.capture === row.flow.capture)]);
  });
  for (let fold = 0; fold < 5; fold++) assert.equal(folds.filter((one) => one === fold).length, 12);
});

test('eval prints the figures of score_flows.py, and writes what that script reads', {
  skip: existsSync(join(SHARED, 'tools/score_flows.py')) ? false : '../shared is not here',
  timeout: 120_000,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-eval-'));
  const data = join(SHARED, 'data');
  const [packets, labels] = [join(data, 'ndpi-packets.csv.gz'), join(data, 'ndpi-flows.csv.gz')];
  const cli = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  cli('train', packets, '--labels', labels, '--out', folder, '--iterations', '60');
  const model = join(folder, 'model.onnx');
  const ours = JSON.parse(cli('eval', packets, '--labels', labels, '--model', model, '--out', folder, '--json'));
  const script = spawnSync('python3', [join(SHARED, 'tools/score_flows.py'), data, folder, '--json'], {
    encoding: 'utf8',
  });
  const theirs = JSON.parse(script.stdout) as Record<string, number>;
  assert.equal(theirs.missing, 0);
  for (const [name, value] of Object.entries(theirs)) {
    if (name === 'missing') continue;
    assert.ok(Math.abs(ours[name] - value) < 1e-4 * Math.max(1, Math.abs(value)), `${name}: ${ours[name]}, ${value}`);
  }
  assert.ok(ours.rateRatio < 1.5, 'and it has learned something');
});

test('what is wrong is said in a line', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' }).stderr;
  assert.match(run('eval', '/nowhere.csv', '--folds', '2'), /^tidegate: can't read \/nowhere\.csv/);
  assert.match(
    run('eval', '/nowhere.csv', '--folds', '2', '--model', 'm'),
    /^tidegate: give --model FILE or --folds K/,
  );
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-eval-'));
  assert.match(run('train', '/nowhere.csv', '--out', folder, '--iterations', '0'), /more than 0/);
  const packets = join(folder, 'p.csv');
  writeFileSync(packets, 'flow,t_ms,dir,bytes\na,0,0,1\nb,0,0,1\n');
  assert.match(run('train', packets, '--out', join(packets, 'x')), /^tidegate: can't write to /);
  assert.match(run('eval', packets, '--folds', '1'), /^tidegate: --folds is 1, and there are 2 captures/);
  assert.match(run('eval', packets, '--model', '/nowhere.onnx'), /^tidegate: can't read \/nowhere\.onnx/);
  assert.match(run('eval', packets, '--model', packets), /^tidegate: no model/);
  assert.match(run('eval', packets, '--labels', packets, '--folds', '2'), /has to name the columns flow, capture/);
});

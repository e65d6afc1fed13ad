import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { FeatureRows } from '../../src/cli/features/feature-rows.js';
import { readPackets } from '../../src/cli/packet-file.js';
import { SessionTable } from '../../src/core/session-table.js';
import { CLI } from '../support/host-process.js';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
const PACKETS = 'flow,t_ms,dir,bytes\na,100,0,10\nb,0,1,7\na,1600,1,500\na,3200,0,20\nb,900,0,9\n';
const file = join(folder, 'p.csv.gz');
writeFileSync(file, gzipSync(PACKETS));

const run = (...args: string[]) => spawnSync(process.execPath, [CLI, 'features', ...args], { encoding: 'utf8' });

test('a row at every tick of a flow, on its own clock, up to the first after its last packet', () => {
  const rows = new FeatureRows({ tick: 1000, horizon: Number.POSITIVE_INFINITY });
  const packets = PACKETS.trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));
  const made: [string, number, number, number][] = [];
  const take = (from: ReturnType<FeatureRows['end']>): void => {
    for (const { flow, time, bytesIn, bytesOut } of from) made.push([flow, time, bytesIn, bytesOut]);
  };
  for (const [flow, time, dir, bytes] of packets) {
    take(rows.packet({ flow, time: Number(time), out: dir === '1', bytes: Number(bytes), request: '', isFlow: true }));
  }
  take(rows.end());
  assert.deepEqual(made, [
    ['a', 1000, 10, 0],
    ['a', 2000, 0, 500],
    ['a', 3000, 0, 0],
    ['a', 4000, 20, 0],
    ['b', 1000, 9, 7],
  ]);
});

test('rows are what the live core would say, and stop at the horizon', () => {
  const rows = new FeatureRows({ tick: 500, horizon: 1000 });
  const table = new SessionTable();
  const handle = table.open(0);
  const seen: number[][] = [];
  for (let i = 0; i < 30; i++) {
    const made = [
      ...rows.packet({ flow: 'x', time: 7000 + i * 100, out: i % 3 === 0, bytes: i * 50, request: '', isFlow: true }),
    ];
    if (made.length > 0) {
      assert.deepEqual([...made[0].features], [...table.features(handle, made[0].time)]);
      seen.push([...made[0].features]);
    }
    if (i % 3 === 0) table.core.datagramOut(handle, i * 50, i * 100);
    else table.core.datagramIn(handle, i * 50, i * 100);
  }
  assert.equal(seen.length, 2);
  assert.deepEqual([...rows.end()], []);
});

test('the command writes CSV and JSON lines with the names of the features, gzipped where asked', () => {
  const { stdout, status } = run(file);
  assert.equal(status, 0);
  const [header, ...lines] = stdout.trim().split('\n');
  assert.equal(lines.length, 5);
  assert.ok(header.startsWith('flow,t_ms,bytes_in,bytes_out,in.count.0.1s,'));
  for (const line of lines) assert.equal(line.split(',').length, header.split(',').length);
  const out = join(folder, 'rows.jsonl.gz');
  assert.equal(run(file, '--format', 'jsonl', '--tick', '500', '--out', out).status, 0);
  const rows = gunzipSync(readFileSync(out))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(Object.keys(rows[0].features), header.split(',').slice(4));
  assert.ok(Math.abs(rows[0].features['in.size.60s'] - Math.log1p(10)) < 1e-5);
});

test('what is wrong is said in a line', () => {
  assert.match(run('/nowhere.csv').stderr, /^tidegate: can't read \/nowhere\.csv.*\n$/);
  assert.match(run(file, '--tick', '0').stderr, /more than 0/);
  assert.match(run(file, '--out', '/nowhere/x.csv').stderr, /^tidegate: can't write \/nowhere\/x\.csv/);
  const torn = join(folder, 'torn.csv.gz');
  writeFileSync(torn, gzipSync(PACKETS.repeat(100)).subarray(0, 60));
  assert.match(run(torn).stderr, /^tidegate: can't read .*unexpected end of file/);
  const empty = join(folder, 'empty.csv');
  writeFileSync(empty, 'flow,t_ms,dir,bytes\n');
  const { stderr, status } = run(empty);
  assert.deepEqual([status, /holds no flows/.test(stderr)], [2, true]);
});

const SHARED = fileURLToPath(new URL('../../../../shared/data/ndpi-packets.csv.gz', import.meta.url));

test('real traffic: every feature of every row is a number', {
  skip: existsSync(SHARED) ? false : '../shared/data is not here',
}, async () => {
  const rows = new FeatureRows({ tick: 10_000, horizon: 300_000 });
  let count = 0;
  const check = (features: Float32Array): void => {
    count++;
    assert.ok(features.every(Number.isFinite));
  };
  for await (const packet of readPackets(SHARED)) for (const row of rows.packet(packet)) check(row.features);
  for (const row of rows.end()) check(row.features);
  assert.equal(rows.flows, 1603);
  assert.ok(count > 5000);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nabScore } from '../../../src/predict/evaluation/nab-score.js';
import { CLI } from '../../support/host-process.js';

const SHARED = fileURLToPath(new URL('../../../../../shared', import.meta.url));
const nab = join(SHARED, 'data', 'nab');
const cli = (...args: string[]) => spawnSync(process.execPath, [CLI, 'eval', ...args], { encoding: 'utf8' });

test('a perfect detector scores near 100, one that says nothing 0, one that always cries less', () => {
  const window = [500, 599] as const;
  const series = (score: (i: number) => number) => [
    { name: 'a/b.csv', scores: Float64Array.from({ length: 1_000 }, (_, i) => score(i)), windows: [window] },
  ];
  assert.ok(nabScore(series((i) => (i === 500 ? 1 : 0))).score > 99);
  const silent = nabScore(series(() => 0));
  assert.equal(silent.score, 0);
  assert.equal(silent.found, 0);
  const late = nabScore(series((i) => (i === 590 ? 1 : 0))).score;
  assert.ok(late > 50 && late < 75, `${late}`);
  const noisy = nabScore(series((i) => (i === 500 || i % 300 === 0 ? 1 : 0)));
  assert.deepEqual(noisy.falseAlarms, { a: 3 });
  assert.equal(noisy.found, 1);
  const year = Float64Array.from({ length: 525_600 }, (_, minute) => (minute === 100_500 ? 1 : 0));
  assert.ok(nabScore([{ name: 'a/year.csv', scores: year, windows: [[100_500, 100_599]] }]).score > 99);
});

test('eval --anomaly agrees with nab_score.py', (t) => {
  if (!existsSync(nab)) return t.skip('no ../shared/data/nab');
  const out = mkdtempSync(join(tmpdir(), 'tidegate-nab-'));
  t.after(() => rmSync(out, { recursive: true, force: true }));
  const labels = join(nab, 'windows.json.gz');
  const ours = cli('--anomaly', nab, '--labels', labels, '--out', out, '--json');
  assert.equal(ours.status, 0, ours.stderr);
  const result = JSON.parse(ours.stdout);
  const theirs = spawnSync('python3', [join(SHARED, 'tools', 'nab_score.py'), labels, out], { encoding: 'utf8' });
  const [, score] = /^standard ([\d.]+)/.exec(theirs.stdout) ?? [];
  assert.ok(Math.abs(Number(score) - result.score) < 0.01, `${score} and ${result.score}`);
  assert.ok(result.score > 77, `${result.score}`);
  assert.equal(result.falseAlarms.artificialNoAnomaly, undefined);
});

test('eval --anomaly says what is wrong with a series', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-series-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const wrong = (what: RegExp) => {
    const { status, stderr } = cli('--anomaly', folder);
    assert.equal(status, 2);
    assert.match(stderr, what);
  };
  wrong(/no series in it/);
  mkdirSync(join(folder, 'one'));
  const file = join(folder, 'one', 'a.csv');
  writeFileSync(file, 'time,count\n1,2\n');
  wrong(/has to name the columns timestamp,value/);
  writeFileSync(file, 'timestamp,value\n2014-04-01 00:00:00,1\nyesterday,2\n');
  wrong(/line 3 has the time "yesterday"/);
  writeFileSync(file, 'timestamp,value\n2014-04-01 00:00:00,1\n2014-04-01 00:05:00,\n2014-04-01 00:10:00,nan\n');
  assert.equal(cli('--anomaly', folder).status, 0);
});

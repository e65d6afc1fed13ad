import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ModelCard } from '../../src/predict/store/model-card.js';
import { CLI } from '../support/host-process.js';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-cli-'));
after(() => rmSync(folder, { recursive: true }));

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
}

/** Flows of three captures, each a minute of packets at a beat of its own. */
function packetFile(): string {
  const lines = ['flow,t_ms,dir,bytes'];
  for (let flow = 0; flow < 12; flow++) {
    for (let t = 0; t < 60_000; t += 300 + flow * 100) lines.push(`${flow},${t},${flow % 2},${100 + flow * 50}`);
  }
  const file = join(folder, 'packets.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const labels = ['flow,capture,category', ...Array.from({ length: 12 }, (_, i) => `${i},c${i % 4},Web`)];
  writeFileSync(join(folder, 'flows.csv'), `${labels.join('\n')}\n`);
  return file;
}

test('train writes a model and its card; eval takes it, plots it, and refuses one that is not what its card says', {
  timeout: 120_000,
}, () => {
  const file = packetFile();
  const labels = join(folder, 'flows.csv');
  const out = join(folder, 'models');
  const trained = run(
    'train',
    file,
    '--labels',
    labels,
    '--out',
    out,
    '--name',
    'm',
    '--iterations',
    '5',
    '--validate',
    '4',
  );
  assert.equal(trained.status, 0, trained.stderr);
  assert.match(trained.stdout, /m\.onnx: 9 flows, loss .*validated at/);
  const card = JSON.parse(readFileSync(join(out, 'm.json'), 'utf8')) as ModelCard;
  assert.ok(card.metrics.validationRateRatio > 0 && card.data.sequences === 9 && card.parent === null);
  assert.ok(!existsSync(join(out, 'm.checkpoint')));
  const model = join(out, 'm.onnx');
  const plot = join(folder, 'plot.svg');
  const scored = run('eval', file, '--labels', labels, '--model', model, '--plot', plot, '--json');
  assert.equal(scored.status, 0, scored.stderr);
  assert.equal(JSON.parse(scored.stdout).flows, 12);
  // Without a model: the one of the package.
  const base = JSON.parse(run('eval', file, '--json').stdout) as Record<string, number>;
  assert.ok(base.flows === 12 && base.rateRatio < 1.2, JSON.stringify(base));
  assert.match(readFileSync(plot, 'utf8'), /^<svg [^>]*>\n[\s\S]*<path d="M[^"]*"[\s\S]*<\/svg>\n$/);
  writeFileSync(model, Buffer.concat([readFileSync(model), Buffer.of(0)]));
  const damaged = run('eval', file, '--model', model);
  assert.equal(damaged.status, 2);
  assert.match(damaged.stderr, /m\.onnx is damaged/);
});

test('models are listed, shown, chosen and rolled back, and what is not there is said', () => {
  const data = join(folder, 'data');
  const model = (...args: string[]) => run('model', ...args, '--data-dir', data);
  const listed = JSON.parse(model('list', '--json').stdout) as (ModelCard & { serves: boolean })[];
  assert.equal(listed.length, 1);
  assert.equal(listed[0].serves, true);
  assert.match(model('card').stdout, new RegExp(`model +${listed[0].id}`));
  assert.equal(JSON.parse(model('show', 'base').stdout).id, listed[0].id);
  assert.match(model('use', 'base').stdout, /serves/);
  for (const [args, message] of [
    [['use', 'nothing'], /no model nothing/],
    [['show', 'abcdefabcdef'], /can't read/],
  ] as const) {
    const { status, stderr } = model(...args);
    assert.equal(status, 2);
    assert.match(stderr, message);
  }
});

test('visits: what is told is of the visits of the last 40 %, and time has to go forward', () => {
  const lines = ['client,t,bytes'];
  for (let visit = 0; visit < 100; visit++) lines.push(`a,${visit * 2000},100`, `b,${visit * 2000 + 5},7`);
  const file = join(folder, 'visits.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const out = join(folder, 'visits');
  assert.match(run('eval', '--visits', file, '--out', out).stdout, /80 of 200 visits/);
  const [head, ...rows] = readFileSync(join(out, 'visits.csv'), 'utf8').trim().split('\n');
  assert.equal(head, 'client,t,predicted');
  for (const row of rows) {
    const [client, , predicted] = row.split(',');
    const truth = client === 'a' ? 100 : 7;
    assert.ok(Math.abs(Number(predicted) / truth - 1) < 0.2, row);
  }
  writeFileSync(file, 'client,t,bytes\na,9,1\nb,3,1\n');
  const { status, stderr } = run('eval', '--visits', file, '--out', out);
  assert.equal(status, 2);
  assert.match(stderr, /line 3: 3 s comes after 9 s/);
  assert.match(run('eval', '--visits', file).stderr, /--visits needs --out/);
  writeFileSync(file, 'client,t,bytes\n');
  assert.match(run('eval', '--visits', file, '--out', out).stderr, /holds no visits/);
});

test('what can be told of nothing is a clear error, or a dash', () => {
  const one = join(folder, 'one.csv');
  writeFileSync(one, 'flow,t_ms,dir,bytes\na,0,0,100\n');
  assert.match(run('eval', one).stdout, /^openRatio1 +-$/m);
  const compared = run('load', '--replay', one, '--compare', 'static,ewma');
  assert.deepEqual([compared.status, /holds no client that comes back/.test(compared.stderr)], [2, true]);
  const load = join(folder, 'load.csv');
  writeFileSync(load, `${'0\n'.repeat(6 * 60)}${'5\n'.repeat(6 * 30)}`);
  const simulated = run('simulate', load);
  assert.deepEqual([simulated.status, /nothing but zeros in its first part/.test(simulated.stderr)], [2, true]);
});

const shared = fileURLToPath(new URL('../../../../shared/', import.meta.url));
const noShared = existsSync(shared) ? false : '../shared is not there';

test('visits of the shared chat: as score_visits.py scores them, better than a client’s own mean', {
  skip: noShared,
}, () => {
  const data = join(shared, 'data', 'chat-fluid-work.csv.gz');
  const out = join(folder, 'chat');
  assert.equal(run('eval', '--visits', data, '--out', out).status, 0);
  const script = join(shared, 'tools', 'score_visits.py');
  const { stdout } = spawnSync('python3', [script, data, out, '--json'], { encoding: 'utf8' });
  const scores = JSON.parse(stdout) as Record<string, number>;
  assert.equal(scores.missing, 0);
  assert.ok(scores.visitRatio < 0.86 && scores.visitRatio < scores.historyRatio && scores.newRatio < 1, stdout);
});

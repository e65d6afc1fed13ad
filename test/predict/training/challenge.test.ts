import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { SessionTable } from '../../../src/core/session-table.js';
import { Random } from '../../../src/numeric/random.js';
import { pairedBootstrap } from '../../../src/predict/evaluation/paired-bootstrap.js';
import { encodeModel } from '../../../src/predict/graph/encode.js';
import { decodeNetworks } from '../../../src/predict/model/decode.js';
import { SESSION_COLUMNS, SESSION_TICKS } from '../../../src/predict/model/inputs.js';
import { predictGraph } from '../../../src/predict/model/predict-graph.js';
import { TickHistory } from '../../../src/predict/model/tick-history.js';
import type { ReplaySequence } from '../../../src/predict/store/replay-sequence.js';
import { challenge, judge } from '../../../src/predict/training/challenge.js';
import { Duty } from '../../../src/predict/training/duty.js';

const base = await readFile(new URL('../../../../models/base.onnx', import.meta.url));
const table = new SessionTable();
const core = table.layout.features.length;
const { next } = new Random(3);

/** A client that sends so many bytes every `beat` ticks, and nothing else, as it would be recorded. */
function beating(i: number, beat: number): ReplaySequence {
  const ticks = 60;
  const columns = core + SESSION_COLUMNS;
  const rows = new Float32Array(ticks * columns);
  const [up, history] = [new Float32Array(ticks), new TickHistory()];
  const handle = table.open(0);
  const phase = Math.floor(next() * beat);
  const size = 20_000 + next() * 20_000;
  for (let tick = 0; tick < ticks; tick++) {
    rows.set(table.features(handle, tick * 1000), tick * columns);
    history.write(rows, tick * columns + core + SESSION_TICKS);
    if ((tick + phase) % beat === 0) {
      up[tick] = size;
      table.core.datagramIn(handle, size, tick * 1000 + 1);
    }
    history.add(up[tick], 0);
  }
  table.close(handle);
  const floats = new Float32Array(ticks);
  return { client: `c${i}`, startedAt: i, ended: false, columns, rows, up, down: floats, happened: floats };
}

const sequences = Array.from({ length: 60 }, (_, i) => beating(i, 3));
const poisoned = (change: (value: number) => number): Uint8Array => {
  const { size, normalisation, members } = decodeNetworks(base);
  return encodeModel(
    predictGraph(
      size,
      normalisation,
      members.map((member) => member.map(change)),
    ),
  );
};

test('a challenger that learned what its clients do is taken; a poisoned one and one no better are not', {
  timeout: 120_000,
}, async () => {
  const taken = await challenge(base, sequences, [], { iterations: 60, seed: 1 });
  assert.ok(taken.accepted && taken.model !== null, taken.reason);
  assert.ok(taken.metrics.error < taken.metrics.championError * 0.9, JSON.stringify(taken.metrics));
  const newest = sequences.slice(45);
  const same = await judge(base, base, newest, [], 1);
  assert.ok(!same.accepted && /not surely better/.test(same.reason), same.reason);
  const noise = await judge(
    base,
    poisoned((value) => value + (next() - 0.5) * 2),
    newest,
    [],
    1,
  );
  assert.ok(!noise.accepted, noise.reason);
  // Better on the newest, and worse on what all were held against before.
  const other = Array.from({ length: 20 }, (_, i) => beating(i, 40));
  const silent = other.map((one) => ({ ...one, up: new Float32Array(one.up.length) }));
  const forgetful = await judge(base, taken.model, newest, silent, 1);
  assert.ok(forgetful.metrics.referenceLoss !== undefined);
  assert.equal(forgetful.accepted, forgetful.metrics.referenceLoss <= forgetful.metrics.referenceChampionLoss * 1.02);
  await assert.rejects(
    judge(
      base,
      poisoned(() => Number.NaN),
      newest,
      [],
      1,
    ),
    { code: 'TIDEGATE_E_MODEL' },
  );
});

test('too few sequences are said, and nothing is trained', async () => {
  const { accepted, model, reason } = await challenge(base, sequences.slice(0, 20), [], { iterations: 1, seed: 1 });
  assert.deepEqual([accepted, model], [false, null]);
  assert.match(reason, /only 20 sequences are recorded, 40 are needed/);
});

test('a paired bootstrap is sure of a small difference that is always there, and not of a large one by chance', () => {
  const { next: random } = new Random(1);
  const losses = Array.from({ length: 40 }, () => 10 * random());
  const better = pairedBootstrap(
    losses,
    losses.map((loss) => loss - 0.01 - 0.01 * random()),
    random,
  );
  assert.ok(better.high < 0 && better.low < better.difference && better.difference < better.high);
  const noisy = pairedBootstrap(
    losses,
    losses.map((loss, i) => loss + (i % 2 === 0 ? 2 : -2)),
    random,
  );
  assert.ok(noisy.high > 0 && noisy.low < 0);
});

test('a share of a processor: rests are in proportion to the work', async () => {
  const started = performance.now();
  let now = 0;
  const duty = new Duty(0.25, () => now);
  now = 20;
  await duty.rest();
  assert.ok(performance.now() - started >= 55);
  duty.isPaused = true;
  setTimeout(() => {
    duty.isPaused = false;
  }, 250);
  const paused = performance.now();
  await duty.rest();
  assert.ok(performance.now() - paused >= 200);
});

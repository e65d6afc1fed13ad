import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SessionTable } from '../../../src/core/session-table.js';
import { Forecaster } from '../../../src/predict/forecaster.js';
import { cardOf } from '../../../src/predict/store/model-card.js';
import { ModelStore, readModelFile, readPlainModel } from '../../../src/predict/store/model-store.js';

const folders: string[] = [];

after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

const about = {
  parent: null,
  command: 'a test',
  data: { sources: [], sequences: 1, steps: 1, from: null, to: null, split: 'none' },
  metrics: { loss: 1 },
};

/** A store with a base model of its own. */
async function fresh(): Promise<{ store: ModelStore; folder: string; base: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-models-'));
  folders.push(folder);
  const bytes = Uint8Array.of(1, 2, 3);
  await writeFile(join(folder, 'base.onnx'), bytes);
  await writeFile(join(folder, 'base.json'), JSON.stringify(cardOf(bytes, about)));
  const store = new ModelStore(join(folder, 'models'), join(folder, 'base.onnx'));
  return { store, folder, base: cardOf(bytes, about).id };
}

async function add(store: ModelStore, seed: number): Promise<string> {
  const bytes = Uint8Array.of(seed, 9);
  const card = cardOf(bytes, { ...about, parent: 'aaaaaaaaaaaa' });
  await store.add(bytes, card);
  return card.id;
}

test('the base serves until another is chosen; rolling back goes to the one before', async () => {
  const { store, base } = await fresh();
  assert.equal((await store.champion()).card.id, base);
  await assert.rejects(store.rollback(), { code: 'TIDEGATE_E_MODEL', message: /none before it/ });
  const [one, two] = [await add(store, 1), await add(store, 2)];
  assert.equal((await store.champion()).card.id, base, 'a model that was added does not serve yet');
  await store.use(one);
  await store.use(two);
  assert.deepEqual((await store.champion()).bytes, Buffer.of(2, 9));
  assert.deepEqual(
    (await store.list()).map(({ id }) => id),
    [base, one, two],
  );
  assert.equal((await store.rollback()).id, one);
  await store.use('base');
  assert.equal((await store.champion()).card.id, base);
});

test('a model is held to the checksum of its card', async () => {
  const { store } = await fresh();
  const id = await add(store, 1);
  await writeFile(join(store.folder, `${id}.onnx`), Uint8Array.of(1, 8));
  await assert.rejects(store.use(id), { code: 'TIDEGATE_E_MODEL', message: /damaged/ });
  await writeFile(join(store.folder, `${id}.json`), '{"id": 1}');
  await assert.rejects(store.load(id), { code: 'TIDEGATE_E_MODEL', message: /no model card: id/ });
  await writeFile(join(store.folder, `${id}.json`), 'x');
  await assert.rejects(store.load(id), { code: 'TIDEGATE_E_MODEL', message: /no JSON/ });
  assert.equal((await store.list()).length, 1, 'what can’t be read is left out');
  for (const wrong of ['../../etc/passwd', 'ffffffffffff']) {
    await assert.rejects(store.use(wrong), { code: 'TIDEGATE_E_MODEL' });
  }
});

test('a file without a card is taken when it is named, one whose card says otherwise is not', async () => {
  const { folder } = await fresh();
  const file = join(folder, 'mine.onnx');
  await writeFile(file, Uint8Array.of(4));
  assert.equal((await readPlainModel(file)).bytes.length, 1);
  await assert.rejects(readModelFile(file), { code: 'TIDEGATE_E_MODEL', message: /can't read .*mine.json/ });
  await writeFile(join(folder, 'mine.json'), JSON.stringify(cardOf(Uint8Array.of(5), about)));
  await assert.rejects(readPlainModel(file), { code: 'TIDEGATE_E_MODEL', message: /damaged/ });
});

test('a choice that is malformed is said, and written anew by the next', async () => {
  const { store, base } = await fresh();
  const id = await add(store, 1);
  await writeFile(join(store.folder, 'current.json'), '{');
  await assert.rejects(store.champion(), { code: 'TIDEGATE_E_MODEL', message: /malformed.*use base/ });
  await store.use(id);
  assert.equal((await store.champion()).card.id, id);
  assert.notEqual(id, base);
});

test('old models go, but never the one that serves; nothing is left aside', async () => {
  const { store } = await fresh();
  const first = await add(store, 1);
  await store.use(first);
  for (let seed = 2; seed < 20; seed++) await add(store, seed);
  const kept = (await store.list()).map(({ id }) => id);
  assert.ok(kept.length <= 10 && kept.includes(first), kept.join());
  const files = await readdir(store.folder);
  assert.ok(files.every((file) => !file.endsWith('.new')));
  assert.match(await readFile(join(store.folder, 'current.json'), 'utf8'), /"previous":null/);
});

test('the model of the package is for this core, is what its card says, and is small', async () => {
  const { bytes, card } = await new ModelStore('/nowhere').champion();
  const forecaster = await Forecaster.create(bytes, new SessionTable().layout.features.length);
  await forecaster.release();
  assert.ok(
    bytes.length < 1_000_000 && card.parent === null && card.metrics.rateRatio < 1,
    JSON.stringify(card.metrics),
  );
});

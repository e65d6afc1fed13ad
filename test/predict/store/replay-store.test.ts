import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeSequence,
  encodeSequence,
  kindOf,
  type ReplaySequence,
} from '../../../src/predict/store/replay-sequence.js';
import { ReplayStore } from '../../../src/predict/store/replay-store.js';

const folders: string[] = [];
const HOUR = 3_600_000;

after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true });
});

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'tidegate-replay-'));
  folders.push(made);
  return made;
}

function sequence(client: string, startedAt: number, bytes: number, ticks = 12): ReplaySequence {
  const columns = 3;
  return {
    client,
    startedAt,
    ended: false,
    columns,
    rows: new Float32Array(ticks * columns).fill(bytes),
    up: new Float32Array(ticks).fill(bytes),
    down: new Float32Array(ticks),
    happened: new Float32Array(ticks),
  };
}

test('a sequence is what it was after encoding and decoding; what is damaged or no number is refused', () => {
  const floats = (length: number) =>
    fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: length, maxLength: length });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5 }), fc.gen(), (ticks, columns, gen) => {
      const of = (length: number): Float32Array => Float32Array.from(gen(() => floats(length)));
      const first = {
        ...sequence('c-_1', 5, 0, ticks),
        columns,
        rows: of(ticks * columns),
        up: of(ticks),
        down: of(ticks),
      };
      const encoded = encodeSequence(first);
      assert.deepEqual(decodeSequence(encoded), first);
      assert.throws(() => decodeSequence(encoded.subarray(0, encoded.length >> 1)));
    }),
    { numRuns: 50 },
  );
  const broken = sequence('c', 0, 1);
  broken.rows[2] = Number.NaN;
  assert.throws(() => decodeSequence(encodeSequence(broken)), /no number/);
  assert.throws(() => decodeSequence(new Uint8Array(9)));
});

test('a full store keeps old times and rare kinds: the last hour’s crowd pushes out itself', async () => {
  const path = await folder();
  const store = await ReplayStore.open(path, 60);
  const now = 1000 * HOUR;
  for (let i = 0; i < 20; i++) await store.add(sequence(`old${i}`, now - 100 * HOUR, 10), now);
  for (let i = 0; i < 10; i++) await store.add(sequence(`rare${i}`, now - i, 5000), now);
  for (let i = 0; i < 200; i++) await store.add(sequence(`crowd${i}`, now - i, 10), now);
  assert.equal(store.size, 60);
  const { sequences } = await store.read();
  const count = (prefix: string): number => sequences.filter(({ client }) => client.startsWith(prefix)).length;
  assert.deepEqual([count('old'), count('rare'), count('crowd')], [20, 10, 30]);
  assert.deepEqual(sequences.map(kindOf).filter((kind) => kind === 'streaming').length, 10);
  assert.equal((await ReplayStore.open(path, 60)).size, 60, 'found again');
});

test('a client is forgotten; damaged files are counted and left aside', async () => {
  const path = await folder();
  const store = await ReplayStore.open(path, 100);
  for (let i = 0; i < 6; i++) await store.add(sequence(i % 2 === 0 ? 'a-b' : 'c', i, 1), 10);
  await store.forget(['a-b', 'nobody']);
  assert.equal(store.size, 3);
  await writeFile(join(path, '7.control.c.x.seq'), 'damaged');
  await writeFile(join(path, 'other.txt'), 'x');
  const { sequences, damaged } = await store.read();
  assert.deepEqual([sequences.map(({ startedAt }) => startedAt), damaged], [[1, 3, 5], 1]);
});

test('a reference is set aside once there is enough, stays, and is not trained on', async () => {
  const path = await folder();
  const store = await ReplayStore.open(path, 1000);
  for (let i = 0; i < 100; i++) await store.add(sequence(`c${i}`, i, 1), 10);
  assert.deepEqual(await store.reference(), []);
  for (let i = 100; i < 200; i++) await store.add(sequence(`c${i}`, i, 5000), 10);
  const reference = (await store.reference()).map(({ client }) => client);
  assert.equal(reference.length, 48);
  const { sequences } = await store.read();
  assert.equal(sequences.length, 152);
  assert.ok(sequences.every(({ client }) => !reference.includes(client)));
  for (let i = 200; i < 300; i++) await store.add(sequence(`c${i}`, i, 1), 10);
  assert.deepEqual(
    (await store.reference()).map(({ client }) => client),
    reference,
  );
  await store.forget([reference[0]]);
  assert.equal((await readdir(join(path, 'reference'))).length, 47);
});

test('who is forgotten leaves nothing, not of what is being written, set aside, or was left by who was killed', async () => {
  const place = await folder();
  const store = await ReplayStore.open(place, 1000);
  for (let i = 0; i < 160; i++) await store.add(sequence(i % 2 === 0 ? 'a' : 'b', HOUR + i, 10), HOUR);
  await writeFile(join(place, `${HOUR}.control.a.zz1.seq.4711.new`), 'half');
  const settingAside = store.reference();
  const adding = store.add(sequence('a', 2 * HOUR, 10), 2 * HOUR);
  await store.forget(['a']);
  await Promise.all([adding, settingAside]);
  const left = [...(await readdir(place)), ...(await readdir(join(place, 'reference')))];
  assert.deepEqual(
    left.filter((file) => file.includes('.a.')),
    [],
  );
  assert.ok(left.filter((file) => file.includes('.b.')).length === 80, `${left.length}`);
  assert.equal(store.size, left.filter((file) => file.includes('.b.')).length - (await store.reference()).length);
});

test('what began before a time goes, of whomever it is', async () => {
  const place = await folder();
  const store = await ReplayStore.open(place, 1000);
  for (let i = 0; i < 160; i++) await store.add(sequence(`c${i}`, HOUR + i, 10), HOUR);
  await store.reference();
  await store.forget(['c159'], HOUR + 100);
  const left = [...(await readdir(place)), ...(await readdir(join(place, 'reference')))].filter((file) =>
    file.endsWith('.seq'),
  );
  const begun = left.map((file) => Number(file.split('.')[0]) - HOUR);
  assert.deepEqual([Math.min(...begun), Math.max(...begun), left.length], [100, 158, 59]);
  assert.equal(store.size, 59 - (await store.reference()).length);
});

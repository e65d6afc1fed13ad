import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProfileCache } from '../../src/profile/profile-cache.js';
import type { ProfileRecord } from '../../src/profile/record/profile-record.js';
import type { ProfileStore, StoredProfile } from '../../src/profile/store/profile-store.js';
import { recordOf } from '../support/profiles.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A store on the network that knows everybody by three sessions here and two elsewhere, and answers when it is told to. */
function slowStore(most = 10) {
  const waiting: ((fails: boolean) => void)[] = [];
  const asked = <T>(answer: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push((fails) => (fails ? reject(new Error('late')) : resolve(answer())));
    });
  const renamed: string[][] = [];
  const written: [client: string, sessions: number][] = [];
  const store = {
    state: { kind: 'valkey', problem: null, damaged: 0, unwritten: 0 },
    onRemoved: () => false,
    rename: (...names: string[]) => asked(() => renamed.push(names) > 0),
    read: () => asked<StoredProfile>(() => ({ own: recordOf(3), others: recordOf(2) })),
    write: (records: readonly (readonly [string, ProfileRecord])[]) =>
      asked(() => {
        for (const [client, { sessions }] of records) written.push([client, sessions]);
      }),
  } as unknown as ProfileStore;
  const answer = async (fails = false): Promise<void> => {
    await turn();
    for (const settle of waiting.splice(0)) settle(fails);
    await turn();
  };
  return { cache: new ProfileCache(store, most), store, written, renamed, answer, waiting };
}

function open(cache: ProfileCache, client = 'ann'): void {
  const entry = cache.touch(client);
  entry.own.sessions++;
  cache.changed(entry);
}

test('a client that opens while the store is slow keeps what the store knows', async () => {
  const { cache, written, answer } = slowStore();
  const late = cache.prepare('ann');
  open(cache);
  await answer();
  await late;
  const flushed = cache.flush();
  await answer();
  await flushed;
  assert.deepEqual(written, [['ann', 4]]);
});

test('a client of whom the store did not answer is read before it is written, and counts once', async () => {
  const { cache, written, answer, waiting } = slowStore();
  const failed = cache.prepare('ann');
  await answer(true);
  await failed;
  open(cache);
  const flushed = cache.flush();
  // It opens once more while that goes on.
  const again = cache.prepare('ann');
  await turn();
  assert.equal(waiting.length, 2);
  await answer();
  await answer();
  await Promise.all([flushed, again]);
  assert.deepEqual(written, [['ann', 4]]);
  const entry = cache.get('ann');
  assert.ok(entry !== null);
  assert.equal(cache.view(entry).sessions, 6);
});

test('a client that opens before the store knows its new name keeps what was known under the former', async () => {
  const { cache, written, renamed, answer } = slowStore();
  open(cache, 'former');
  const late = assert.rejects(cache.rename('former', 'ann'));
  open(cache);
  await answer(true);
  await late;
  open(cache, 'former');
  const flushed = cache.flush();
  // Renamed, read, written.
  for (let i = 0; i < 4; i++) await answer();
  await flushed;
  assert.deepEqual(renamed, [['former', 'ann']]);
  assert.deepEqual(written.at(-1), ['ann', 6]);
  const entry = cache.get('ann');
  assert.ok(entry !== null);
  assert.equal(cache.view(entry).sessions, 8);
});

test('a client that is being written stays at hand until it is, however many others come', async () => {
  const { cache, written, answer } = slowStore(10);
  open(cache);
  const flushed = cache.flush();
  await answer();
  for (let i = 0; i < 30; i++) open(cache, `other${i}`);
  const failed = assert.rejects(flushed);
  await answer(true);
  await failed;
  assert.equal(cache.get('ann')?.own.sessions, 4);
  const again = cache.flush();
  await answer();
  await answer();
  await again;
  assert.deepEqual(
    written.find(([client]) => client === 'ann'),
    ['ann', 4],
  );
  for (let i = 0; i < 40; i++) cache.touch(`more${i}`);
  assert.equal(cache.get('ann'), null, 'and goes then');
});

test('where the store fails for long, memory stays bounded, and what is lost is counted', async () => {
  const { cache, written, answer, store } = slowStore(10);
  const flush = async (fails: boolean): Promise<void> => {
    const done = cache.flush().catch(() => {});
    await answer(fails);
    await answer(fails);
    await done;
  };
  for (let i = 0; i < 100; i++) {
    open(cache, `client${i}`);
    if (i % 10 === 0) await flush(true);
  }
  assert.ok(cache.size <= 45, `${cache.size} at hand`);
  assert.ok(cache.waiting <= 55, `${cache.waiting} wait`);
  assert.equal(store.state.unwritten, 100 - cache.size);
  await flush(false);
  assert.equal(written.length, cache.size);
});

test('a flush is tried though the one before it failed', async () => {
  const { cache, written, answer } = slowStore();
  open(cache);
  const failed = assert.rejects(cache.flush());
  await turn();
  const second = cache.flush();
  await answer(true);
  await failed;
  await answer();
  await answer();
  await second;
  assert.deepEqual(written, [['ann', 4]]);
});

test('what changes while a flush is under way is written by the next, which waits for it', async () => {
  const { cache, written, answer } = slowStore();
  const late = cache.prepare('ann');
  await answer();
  await late;
  open(cache);
  const first = cache.flush();
  await turn();
  open(cache, 'ann');
  const second = cache.flush();
  await answer();
  await answer();
  await Promise.all([first, second]);
  assert.deepEqual(written.at(-1), ['ann', 5]);
  assert.equal(cache.waiting, 0);
});

test('who was not seen for long is let go of also where the store forgets by itself', async () => {
  const { cache, store, answer } = slowStore();
  store.expire = async () => [];
  for (const [client, lastSeen] of Object.entries({ ann: 100, bob: 300, eve: 100, sue: 100 })) {
    const late = cache.prepare(client);
    await answer();
    await late;
    cache.touch(client).own.lastSeen = lastSeen;
  }
  cache.touch('eve').open = 1;
  Object.assign(cache.touch('sue'), { others: Object.assign(recordOf(2), { lastSeen: 400 }) });
  assert.deepEqual(await cache.expire(200), ['ann']);
  assert.equal(cache.size, 3);
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Redis } from 'iovalkey';
import { open } from 'lmdb';
import { BehavioralProfiler } from '../../../src/profile/behavioral-profiler.js';
import { FolderLock } from '../../../src/profile/store/folder-lock.js';
import { LmdbStore } from '../../../src/profile/store/lmdb-store.js';
import { MemoryStore } from '../../../src/profile/store/memory-store.js';
import type { ProfileStore } from '../../../src/profile/store/profile-store.js';
import { ValkeyStore } from '../../../src/profile/store/valkey-store.js';
import { until } from '../../support/client.js';
import { nodeForShards, noShards } from '../../support/many-shards.js';
import { recordOf } from '../../support/profiles.js';
import { noRedis, RedisServer } from '../../support/redis.js';

const folders: string[] = [];
const servers: RedisServer[] = [];
after(async () => {
  for (const server of servers) await server.down();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-store-'));
  folders.push(path);
  return path;
}

async function redis(password?: string): Promise<RedisServer> {
  const server = await RedisServer.start(password);
  servers.push(server);
  return server;
}

async function valkey(url: string, hostId = 0, heard?: string): Promise<ValkeyStore> {
  const more = heard === undefined ? {} : { heard };
  return await ValkeyStore.open(url, { hostId, retentionMs: 3_600_000, log: () => {}, ...more });
}

/** All bytes of all files below a folder. */
function bytesIn(path: string): Buffer {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Buffer.concat(files.map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name))));
}

const kinds: [string, string | false, () => Promise<ProfileStore>][] = [
  ['memory', false, async () => new MemoryStore()],
  ['lmdb', false, async () => await LmdbStore.open(folder())],
  ['valkey', noRedis, async () => await valkey((await redis()).url)],
];

for (const [kind, skip, create] of kinds) {
  test(`${kind}: records are read as they were written, renamed and removed`, { skip, timeout: 30_000 }, async () => {
    const store = await create();
    assert.equal(await store.read('nobody'), null);
    await store.write([
      ['ann', recordOf(3, 100)],
      ['bob', recordOf(5, 200)],
    ]);
    assert.equal((await store.read('ann'))?.own.sessions, 3);
    await store.write([['ann', recordOf(4, 300)]]);
    assert.equal((await store.read('ann'))?.own.sessions, 4);
    assert.equal(await store.rename('ann', 'anna'), true);
    assert.equal(await store.rename('nobody', 'somebody'), false);
    assert.deepEqual([await store.read('ann'), (await store.read('anna'))?.own.sessions], [null, 4]);
    const clients: string[] = [];
    for await (const client of store.clients()) clients.push(client);
    assert.deepEqual(clients.sort(), ['anna', 'bob']);
    if (kind !== 'valkey') {
      assert.deepEqual(await store.expire(250), ['bob']);
      assert.equal(await store.read('bob'), null);
    }
    await store.remove(['anna', 'nobody']);
    assert.equal(await store.read('anna'), null);
    assert.equal(await store.readMeta('crowd'), null);
    await store.writeMeta('crowd', Uint8Array.of(1, 2));
    assert.deepEqual([...((await store.readMeta('crowd')) ?? [])], [1, 2]);
    await store.close();
  });
}

test('stores do the same on a Node that can have several shards', {
  skip: noShards || (nodeForShards === process.execPath && 'it is this one'),
  timeout: 120_000,
}, () => {
  const { status, stdout } = spawnSync(nodeForShards as string, ['--test', fileURLToPath(import.meta.url)], {
    encoding: 'utf8',
    // A test of a test.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  assert.equal(status, 0, stdout);
});

test('lmdb: what was written is there after a start', async () => {
  const path = folder();
  const first = await LmdbStore.open(path);
  await first.write([['ann', recordOf(3)]]);
  await first.close();
  const second = await LmdbStore.open(path);
  assert.equal(second.read('ann')?.own.sessions, 3);
  await second.close();
});

test('lmdb: of one that is removed no byte is left in any file', async () => {
  const path = folder();
  const store = await LmdbStore.open(path);
  const name = 'a-name-that-can-be-found-again';
  for (let i = 0; i < 500; i++) {
    await store.write([
      [`${name}-${i}`, recordOf(i)],
      [`other-${i}`, recordOf(i)],
    ]);
  }
  assert.ok(bytesIn(path).includes(name));
  const removed = Array.from({ length: 500 }, (_, i) => `${name}-${i}`);
  await Promise.all([store.remove(removed.slice(0, 250)), store.remove(removed.slice(250))]);
  assert.equal(bytesIn(path).includes(name), false);
  assert.equal(store.read('other-7')?.own.sessions, 7);
  await store.write([['later', recordOf(1)]]);
  await store.close();
  assert.equal(bytesIn(path).includes(name), false);
  const again = await LmdbStore.open(path);
  assert.equal(again.size, 501);
  await again.close();
});

test('lmdb: a damaged record is moved aside and counted, the client begins anew', async () => {
  const path = folder();
  const store = await LmdbStore.open(path);
  await store.write([['ann', recordOf(3)]]);
  await store.close();
  const file = readdirSync(path).find((name) => /^profiles\.\d+\.mdb$/.test(name)) as string;
  const raw = open<Buffer, string>({ path: join(path, file), noSubdir: true, maxDbs: 4, encoding: 'binary' });
  const profiles = raw.openDB<Buffer, string>({ name: 'profiles', encoding: 'binary' });
  const bytes = Buffer.from(profiles.get('ann') as Buffer);
  bytes[bytes.length - 1] ^= 1;
  await profiles.put('ann', bytes);
  await raw.close();
  const again = await LmdbStore.open(path);
  assert.equal(again.read('ann'), null);
  assert.equal(again.state.damaged, 1);
  await again.write([['bob', recordOf(1)]]);
  assert.equal(again.read('ann'), null);
  assert.equal(again.state.damaged, 1, 'once');
  await again.close();
});

test('lmdb: a file that is none, or of a later version, is told of and stays', async () => {
  const path = folder();
  const file = join(path, 'profiles.1.mdb');
  writeFileSync(file, 'no database '.repeat(1000));
  await assert.rejects(LmdbStore.open(path), { code: 'TIDEGATE_E_STORE' });
  assert.match(readFileSync(file, 'utf8'), /^no database/);
  const later = folder();
  const store = await LmdbStore.open(later);
  await store.close();
  const raw = open<Buffer, string>({
    path: join(later, 'profiles.1.mdb'),
    noSubdir: true,
    maxDbs: 4,
    encoding: 'binary',
  });
  await raw.openDB<Buffer, string>({ name: 'meta', encoding: 'binary' }).put('schema', Buffer.of(99));
  await raw.close();
  await assert.rejects(LmdbStore.open(later), /schema 99/);
});

test('a folder is held by one host, and by nobody who is gone', async () => {
  const path = folder();
  const lock = await FolderLock.take(path);
  await assert.rejects(FolderLock.take(path), { code: 'TIDEGATE_E_LOCKED' });
  assert.equal(await FolderLock.holderOf(path), process.pid);
  await lock.release();
  assert.equal(await FolderLock.holderOf(path), null);
  writeFileSync(join(path, 'host.lock'), JSON.stringify({ pid: 999_999_999, start: '1' }));
  const taken = await FolderLock.take(path);
  await taken.release();
  // The ID is used again, by another process.
  writeFileSync(join(path, 'host.lock'), JSON.stringify({ pid: process.ppid, start: '1' }));
  await (await FolderLock.take(path)).release();
  // As process 1 of a container that is started again.
  writeFileSync(join(path, 'host.lock'), JSON.stringify({ pid: process.pid, start: null }));
  const all = await Promise.allSettled(Array.from({ length: 20 }, () => FolderLock.take(path)));
  const locks = all.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  assert.equal(locks.length, 1, 'of many that begin at once');
  await locks[0].release();
  // Another has made it, and writes it only now.
  writeFileSync(join(path, 'host.lock'), '');
  const late = FolderLock.take(path);
  writeFileSync(join(path, 'host.lock'), JSON.stringify({ pid: process.ppid, start: null }));
  await assert.rejects(late, { code: 'TIDEGATE_E_LOCKED' });
  const file = join(path, 'file');
  writeFileSync(file, '');
  for (const none of [file, join(file, 'below')]) {
    await assert.rejects(FolderLock.take(none), { code: 'TIDEGATE_E_DATA_DIR' });
  }
});

test('a folder of a host on another machine, or in another container, is free when no sign of life comes', async (t) => {
  const path = folder();
  const lock = join(path, 'host.lock');
  // Of a process that is none here, and of one that is another one there.
  for (const pid of [999_999_999, process.pid]) {
    writeFileSync(lock, JSON.stringify({ pid, start: null, host: 'another' }));
    assert.equal(await FolderLock.holderOf(path), pid);
    const alive = setInterval(() => utimesSync(lock, new Date(), new Date()), 50);
    t.after(() => clearInterval(alive));
    await assert.rejects(FolderLock.take(path, 100), { code: 'TIDEGATE_E_LOCKED', message: / of another/ });
    clearInterval(alive);
    const taken = await FolderLock.take(path, 100);
    const before = statSync(lock).mtimeMs;
    await until(() => statSync(lock).mtimeMs > before, 5000, 'a sign of life');
    await taken.release();
  }
});

test('a lock does not outlive its process where that may say so', async () => {
  const lock = new URL('../../../src/profile/store/folder-lock.js', import.meta.url).href;
  const path = folder();
  const script = `const { FolderLock } = await import('${lock}'); await FolderLock.take('${path}'); process.exit(3);`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(status, 3);
  assert.ok(!existsSync(join(path, 'host.lock')));
});

const shared = { skip: noRedis, timeout: 60_000 };

test('valkey: counts of two hosts add up, and the last word is that of the later', shared, async () => {
  const { url } = await redis('secret');
  const [one, two] = [await valkey(url, 1), await valkey(url, 2)];
  await one.write([['ann', recordOf(3, 100)]]);
  await two.write([['ann', recordOf(4, 200)]]);
  await one.write([['ann', recordOf(3, 100)]]);
  const seen = await one.read('ann');
  assert.deepEqual([seen?.own.sessions, seen?.others?.sessions], [3, 4], 'a write that is done twice counts once');
  await one.close();
  await two.close();
  const denied = await valkey(url.replace('secret', 'wrong'));
  assert.notEqual(denied.state.problem, null);
  await denied.close();
  await assert.rejects(valkey('valkey://'), { code: 'TIDEGATE_E_STORE' });
});

test(
  'valkey: a key that is no profile is moved aside and counted, and keeps no other from being written',
  shared,
  async (t) => {
    const { url } = await redis();
    const store = await valkey(url, 1);
    const other = new Redis(url.replace('valkey:', 'redis:'));
    t.after(async () => {
      other.disconnect();
      await store.close();
    });
    const spoil = async (client: string) => await other.set(`tidegate:profile:${client}`, 'what another program wrote');
    await spoil('ann');
    assert.equal(await store.read('ann'), null);
    assert.equal(store.state.damaged, 1);
    await spoil('ann');
    await store.write(['ann', 'bob', 'cid'].map((client) => [client, recordOf(3)]));
    for (const client of ['ann', 'bob', 'cid']) assert.equal((await store.read(client))?.own.sessions, 3);
    assert.equal(store.state.damaged, 2);
    assert.match((await other.get('tidegate:damaged:ann')) ?? '', /another program/);
    await spoil('bob');
    assert.equal(await store.rename('cid', 'bob'), true);
    assert.equal((await store.read('bob'))?.own.sessions, 3);
    await store.remove(['ann']);
    assert.equal(await other.exists('tidegate:damaged:ann'), 0);
  },
);

test('valkey: two profilers share what they learn within 2 s, and forget together', shared, async () => {
  const { url } = await redis();
  const heard = join(folder(), 'heard');
  const make = async (hostId: number) =>
    await BehavioralProfiler.open({}, await valkey(url, hostId, hostId === 2 ? heard : undefined));
  const [one, two] = [await make(1), await make(2)];
  const update = { timestamp: Date.now(), bytesIn: 50_000, bytesOut: 0, seconds: 1 };
  one.updateProfile('ann', { ...update, opened: true });
  two.updateProfile('ann', { ...update, opened: true, bytesIn: 150_000 });
  await Promise.all([one.flush(), two.flush()]);
  const told = performance.now();
  const rates = async () => {
    await Promise.all([one.prepare('ann'), two.prepare('ann')]);
    return [one.getProfile('ann'), two.getProfile('ann')].map(({ predictedDataRate }) => predictedDataRate);
  };
  await until(async () => (await rates()).every((rate) => rate === 100_000), 2000, 'both to know both');
  assert.ok(performance.now() - told < 2000);
  assert.equal(one.getProfile('ann').sessionsSeen, 2);

  const gone: string[] = [];
  two.follow(async (clients) => void gone.push(...clients));
  await one.forget(['ann']);
  await until(() => gone.includes('ann'), 5000, 'the other host to forget');
  two.updateProfile('ann', update);
  await two.flush();
  await until(async () => {
    await one.prepare('ann');
    return one.getProfile('ann').sessionsSeen === 0;
  }, 5000);
  assert.equal(two.getProfile('ann').sessionsSeen, 0, 'a client that was forgotten stays so until it comes again');
  // One that does not run hears of it when it does, once.
  await two.close();
  await one.forget(['bob', 'eve']);
  for (const expected of [['bob', 'eve'], []]) {
    const again = await make(2);
    const missed: string[] = [];
    again.follow(async (clients) => void missed.push(...clients));
    await one.forget(['last']);
    await until(() => missed.includes('last'), 5000, 'it to hear');
    await again.close();
    assert.deepEqual(
      missed.filter((client) => client !== 'last'),
      expected,
    );
  }
  await one.close();
});

test('valkey: while it is down what is known serves; what was learned is written when it is back', shared, async () => {
  const server = await redis();
  const logs: string[] = [];
  const store = await ValkeyStore.open(server.url, {
    hostId: 1,
    retentionMs: 3_600_000,
    log: (_level, message) => logs.push(message),
  });
  const profiler = await BehavioralProfiler.open({}, store);
  const update = { timestamp: Date.now(), bytesIn: 50_000, bytesOut: 0, seconds: 1 };
  profiler.updateProfile('ann', { ...update, opened: true });
  await profiler.flush();
  await server.down();
  await until(() => store.state.problem !== null);
  profiler.updateProfile('ann', { ...update, bytesIn: 150_000 });
  profiler.updateProfile('new', { ...update, opened: true });
  await profiler.prepare('ann');
  assert.equal(profiler.getProfile('ann').sessionsSeen, 1);
  await assert.rejects(profiler.flush());
  await server.up();
  await until(() => store.state.problem === null, 20_000);
  await profiler.flush();
  const other = await valkey(server.url, 2);
  assert.equal((await other.read('ann'))?.others?.sessions, 1);
  assert.equal((await other.read('new'))?.others?.sessions, 1);
  assert.equal(logs.length, 2, logs.join('; '));
  await other.close();
  await profiler.close();
});

test('valkey: one that answers late, or not, costs nobody what was known, and is told of', shared, async () => {
  const server = await redis();
  const update = { timestamp: Date.now(), bytesIn: 50_000, bytesOut: 0, seconds: 1 };
  const before = await BehavioralProfiler.open({}, await valkey(server.url, 1));
  before.updateProfile('ann', { ...update, opened: true });
  before.updateProfile('bob', { ...update, opened: true });
  await before.close();

  const store = await valkey(server.url, 1);
  const profiler = await BehavioralProfiler.open({}, store);
  server.pause();
  // Who waits does so for a while only.
  const [late, never] = [profiler.prepare('ann'), profiler.prepare('bob')];
  profiler.updateProfile('ann', { ...update, opened: true });
  server.goOn();
  await late;
  await never;
  server.pause();
  profiler.updateProfile('new', { ...update, opened: true });
  await assert.rejects(profiler.flush());
  await until(() => store.state.problem !== null, 10_000, 'the silence to be noticed');
  profiler.updateProfile('bob', { ...update, opened: true });
  server.goOn();
  await until(() => store.state.problem === null, 10_000, 'it to be there again');
  await profiler.flush();
  const other = await valkey(server.url, 2);
  for (const [name, sessions] of Object.entries({ ann: 2, bob: 2, new: 1 })) {
    assert.equal((await other.read(name))?.others?.sessions, sessions, name);
    assert.equal(profiler.getProfile(name).sessionsSeen, sessions, name);
  }
  await other.close();
  await profiler.close();
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BehavioralProfiler } from '../../src/profile/behavioral-profiler.js';
import { LmdbStore } from '../../src/profile/store/lmdb-store.js';
import { MemoryStore } from '../../src/profile/store/memory-store.js';
import type { ProfileStore } from '../../src/profile/store/profile-store.js';
import { ValkeyStore } from '../../src/profile/store/valkey-store.js';
import { until } from '../support/client.js';
import { recordOf } from '../support/profiles.js';
import { noRedis, RedisServer } from '../support/redis.js';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-renaming-'));
const servers: RedisServer[] = [];
after(async () => {
  for (const server of servers) await server.down();
  rmSync(folder, { recursive: true, force: true });
});

async function valkey(): Promise<RedisServer> {
  const server = await RedisServer.start();
  servers.push(server);
  return server;
}

const storeOf = async ({ url }: RedisServer, hostId: number): Promise<ValkeyStore> =>
  await ValkeyStore.open(url, { hostId, retentionMs: 3_600_000, log: () => {} });

let folders = 0;
const kinds: [string, string | false, () => Promise<ProfileStore>][] = [
  ['memory', false, async () => new MemoryStore()],
  ['lmdb', false, async () => await LmdbStore.open(join(folder, String(folders++)))],
  ['valkey', noRedis, async () => await storeOf(await valkey(), 0)],
];

let now = 1_700_000_000_000;
let sessions = 0;

/** Opens a session. Returns what reports of it. */
function open(profiler: BehavioralProfiler, client: string) {
  const session = `s${sessions++}`;
  const nothing = { bytesIn: 0, bytesOut: 0, seconds: 0, session };
  profiler.updateProfile(client, { ...nothing, timestamp: now++, opened: true });
  return {
    bytes: (bytesIn: number) =>
      profiler.updateProfile(client, { ...nothing, timestamp: now++, bytesIn, seconds: 1e-6 }),
    close: () => profiler.updateProfile(client, { ...nothing, timestamp: now++, closed: true }),
  };
}

for (const [kind, skip, create] of kinds) {
  test(`${kind}: a session that is open when its client is renamed goes on counting`, { skip }, async () => {
    const store = await create();
    const profiler = new BehavioralProfiler({}, store);
    const first = open(profiler, 'old');
    first.bytes(100);
    await profiler.flush();
    await profiler.rename('old', 'new');
    await profiler.prepare('new');
    assert.equal(profiler.getProfile('new').sessionsSeen, 1);
    const second = open(profiler, 'new');
    first.bytes(200);
    second.bytes(400);
    second.close();
    first.bytes(800);
    first.close();
    await profiler.flush();
    const { own } = (await store.read('new')) ?? {};
    assert.deepEqual([own?.sessions, Math.round(own?.bytes ?? 0)], [2, 1500]);
    assert.equal(await store.read('old'), null);
    open(profiler, 'old').bytes(1);
    assert.equal(profiler.getProfile('new').sessionsSeen, 2, 'who has that name later is somebody else');
    await profiler.close();
  });

  test(`${kind}: where both names are there what was written last counts`, { skip }, async () => {
    const store = await create();
    const said = async (old: number, present: number) => {
      await store.write([
        ['old', recordOf(1, old)],
        ['new', recordOf(2, present)],
      ]);
      assert.equal(await store.rename('old', 'new'), true);
      assert.equal(await store.read('old'), null);
      return (await store.read('new'))?.own.sessions;
    };
    assert.equal(await said(100, 200), 2);
    assert.equal(await said(400, 300), 1);
    await store.close();
  });
}

test('two hosts: what one counts under the older name reaches the newer', {
  skip: noRedis,
  timeout: 30_000,
}, async () => {
  const server = await valkey();
  const hosts = await Promise.all([0, 1].map(async (id) => new BehavioralProfiler({}, await storeOf(server, id))));
  const [here, there] = hosts;
  const seen = async (profiler: BehavioralProfiler): Promise<number> => {
    await profiler.rename('old', 'new');
    await profiler.prepare('new');
    return profiler.getProfile('new').sessionsSeen;
  };
  const long = open(there, 'old');
  await there.flush();
  assert.equal(await seen(here), 1);
  open(here, 'new');
  await here.flush();
  // The keys of that host are not rotated yet.
  open(there, 'old').close();
  await there.flush();
  await until(async () => (await seen(here)) === 3);
  assert.equal(await seen(there), 3);
  long.bytes(100);
  open(there, 'new').close();
  long.close();
  await there.flush();
  await until(async () => (await seen(here)) === 4);
  for (const profiler of hosts) await profiler.close();
});

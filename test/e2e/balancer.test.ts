import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FunctionClient } from '../../src/client/index.js';
import { loadKeys } from '../../src/host/keys.js';
import type { SocketHost } from '../../src/host/socket-host.js';
import { CidBalancer } from '../support/cid-balancer.js';
import { TestClient, until } from '../support/client.js';
import { FunctionHosts, text, textOf } from '../support/function-host.js';
import { RebindingProxy } from '../support/rebinding-proxy.js';

const hosts = new FunctionHosts();
const folder = mkdtempSync(join(tmpdir(), 'tidegate-fleet-'));
const closers: (() => void | Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
  await hosts.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const sessionsOf = (host: SocketHost): number => host.shards.totals().sessions;

test('two hosts behind a balancer by connection ID: a change of address and the drain of one end nobody’s service', {
  timeout: 90_000,
}, async () => {
  const keys = join(folder, 'keys.json');
  const fleet = await Promise.all([1, 2].map((hostId) => hosts.start({ hostId, keys, migration: true, tcp: false })));
  const [one, two] = fleet;
  const balancer = await CidBalancer.create(
    (await loadKeys(keys)).shard.cid,
    fleet.map((host) => ({
      hostId: host.config.hostId,
      address: '127.0.0.1',
      port: host.port,
      isReady: () => host.isReady,
    })),
  );
  closers.push(() => balancer.close());
  const place = { url: `https://127.0.0.1:${balancer.port}`, hash: fleet.map((host) => host.certificateHash) };
  const clients: FunctionClient[] = Array.from({ length: 10 }, () =>
    hosts.keepOpen(place, 'echo', { firstWaitMs: 50 }),
  );
  const askAll = async (what: string): Promise<string[]> =>
    await Promise.all(clients.map(async (client) => textOf(await client.request(text(what)))));
  assert.deepEqual([...new Set(await askAll('hello'))], ['hello']);
  await until(() => sessionsOf(one) + sessionsOf(two) === 10);
  assert.ok(sessionsOf(one) >= 3 && sessionsOf(two) >= 3, 'both serve');

  // One whose address changes: the balancer finds its host by the connection ID, the host lets it migrate.
  const proxy = await RebindingProxy.create(balancer.port);
  closers.push(() => proxy.close());
  const wanderer = await TestClient.create({ hash: '' }, { certificateHashes: place.hash });
  closers.push(async () => await wanderer.close());
  const opened = await wanderer.open(`https://127.0.0.1:${proxy.port}/echo`);
  await wanderer.ping(opened);
  for (let i = 0; i < 6; i++) {
    proxy.rebind();
    await wanderer.ping(opened);
  }
  assert.equal(opened.recorder.closed, null);

  // One host drains: its clients open a session at the other first, and what they ask meanwhile is answered.
  const closed = one.close(10);
  for (let i = 0; i < 20; i++) assert.deepEqual([...new Set(await askAll(`request ${i}`))], [`request ${i}`]);
  await until(() => sessionsOf(two) >= 10, 20_000, 'all of them at the other host');
  assert.deepEqual([...new Set(await askAll('at the end'))], ['at the end']);
  opened.http3.close();
  wanderer.flush();
  await closed;
  assert.deepEqual([...new Set(await askAll('without the first'))], ['without the first']);
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Redis } from 'iovalkey';
import { BehavioralProfiler } from '../../../src/profile/behavioral-profiler.js';
import { HostName } from '../../../src/profile/store/host-name.js';
import { ValkeyStore } from '../../../src/profile/store/valkey-store.js';
import { until } from '../../support/client.js';
import { noRedis, RedisServer } from '../../support/redis.js';

const servers: RedisServer[] = [];
const clients: Redis[] = [];
after(async () => {
  for (const client of clients) client.disconnect();
  for (const server of servers) await server.down();
});

const shared = { skip: noRedis, timeout: 30_000 };

async function server(): Promise<RedisServer> {
  const started = await RedisServer.start();
  servers.push(started);
  return started;
}

/** Makes names of hosts on a server, which they renew ten times a second, and keeps what they say. */
function naming({ url }: RedisServer) {
  const redis = new Redis(url.replace('valkey:', 'redis:'));
  clients.push(redis);
  const said: string[] = [];
  const make = (hostId = 0): HostName => new HostName(redis, hostId, (_, message) => said.push(message), 100);
  return { redis, said, make };
}

test('hosts without a number have a name each, the first that is free', shared, async () => {
  const { make } = naming(await server());
  const hosts = Array.from({ length: 5 }, () => make());
  const names = await Promise.all(hosts.flatMap((host) => [host.get(), host.get()]));
  assert.deepEqual([...new Set(names)].sort(), ['a0', 'a1', 'a2', 'a3', 'a4']);
  const [gone] = hosts;
  const free = await gone.get();
  await gone.release();
  const next = make();
  assert.equal(await next.get(), free);
  assert.equal(await make(7).get(), 'h7');
  for (const host of [...hosts, next]) await host.release();
});

test('who was away for longer than its lease takes another name where the first has gone', shared, async () => {
  const { redis, said, make } = naming(await server());
  const host = make();
  assert.equal(await host.get(), 'a0');
  await redis.del('tidegate:host:a0');
  await until(async () => (await redis.exists('tidegate:host:a0')) === 1, 5000, 'it to say so again');
  assert.equal(await host.get(), 'a0');
  await redis.set('tidegate:host:a0', 'another');
  await until(() => said.length === 1, 5000, 'it to notice');
  assert.equal(await host.get(), 'a1');
  await host.release();
  assert.equal(await redis.get('tidegate:host:a0'), 'another');
});

test('two hosts of one number are told of, and what one that was killed left is not', shared, async () => {
  const { redis, said, make } = naming(await server());
  await redis.set('tidegate:host:h3', 'killed', 'PX', 300);
  const [one, two] = [make(3), make(3)];
  await until(() => said.length === 1, 5000, 'one of them to notice');
  assert.match(said[0], /the same hostId/);
  for (const host of [one, two]) await host.release();
});

test('what hosts of one template count of a client adds up', shared, async () => {
  const { url } = await server();
  const make = async () =>
    await BehavioralProfiler.open(
      {},
      await ValkeyStore.open(url, { hostId: 0, retentionMs: 3_600_000, log: () => {} }),
    );
  const [one, two] = [await make(), await make()];
  const visit = { timestamp: Date.now(), bytesIn: 1000, bytesOut: 0, seconds: 1, opened: true };
  for (const host of [one, two, one, two, one]) {
    await host.prepare('ann');
    host.updateProfile('ann', visit);
    await host.flush();
  }
  // Another goes on with what one that is gone counted.
  await one.close();
  const three = await make();
  await three.prepare('ann');
  three.updateProfile('ann', visit);
  await three.flush();
  await until(async () => {
    await two.prepare('ann');
    return two.getProfile('ann').sessionsSeen === 6;
  }, 5000);
  await two.close();
  await three.close();
});

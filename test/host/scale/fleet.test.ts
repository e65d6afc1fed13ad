import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Redis } from 'iovalkey';
import { Fleet } from '../../../src/host/scale/fleet.js';
import { fleetSum, readMember } from '../../../src/scale/replicas/fleet-sum.js';
import { noRedis, RedisServer } from '../../support/redis.js';

test('the sum leaves out the silent, and holds nonsense to ten times the median', () => {
  const member = (at: number, sessions: number, capacity: number | null = null) => ({
    at,
    sessions,
    bytes: 0,
    capacity,
  });
  const now = 1_000_000;
  assert.deepEqual(fleetSum([member(now, 10), member(now - 60_000, 50)], now), {
    ...{ hosts: 1, sessions: 10, bytes: 0, capacity: null },
  });
  assert.equal(fleetSum([member(now, 10), member(now, 12), member(now, 1e12)], now).sessions, 10 + 12 + 120);
  assert.equal(fleetSum([], now).hosts, 0);
  const sample = [member(now, 10), member(now, 14), member(now - 60_000, 12)];
  assert.deepEqual(
    fleetSum(sample, now, 300),
    { hosts: 200, sessions: 2400, bytes: 0, capacity: null },
    'a sample stands for all',
  );
  const knowing = [member(now, 1, 90), member(now, 1, 110), member(now, 1, 1e9), member(now, 1)];
  assert.equal(fleetSum([...knowing, member(now - 60_000, 1, 5)], now).capacity, 110, 'the median of those that know');
  for (const text of [
    '',
    '{',
    '{}',
    '{"at":1,"sessions":-5,"bytes":0}',
    '{"at":1,"sessions":"many","bytes":0}',
    'null',
  ]) {
    assert.equal(readMember(text), null, text);
  }
  const read = { at: 1, sessions: 2, bytes: 3 };
  assert.deepEqual(readMember(JSON.stringify(read)), { ...read, capacity: null });
  assert.deepEqual(readMember(JSON.stringify({ ...read, capacity: 4 })), { ...read, capacity: 4 });
  assert.deepEqual(readMember(JSON.stringify({ ...read, capacity: -4 })), { ...read, capacity: null });
});

test('of a large fleet a host reads a sample, and knows the sum about', {
  skip: noRedis,
  timeout: 30_000,
}, async (t) => {
  const server = await RedisServer.start();
  t.after(async () => await server.down());
  const now = Date.now();
  const redis = new Redis(server.url.replace('valkey:', 'redis:'));
  const one = new Fleet(server.url, () => {});
  t.after(async () => {
    redis.disconnect();
    await one.close();
  });
  const lines = Object.fromEntries(
    Array.from({ length: 2000 }, (_, i) => [
      `host ${i}`,
      JSON.stringify({ at: now, sessions: 5 + (i % 11), bytes: 100 }),
    ]),
  );
  await redis.hset('tidegate:load', lines);
  let heard = await one.exchange({ sessions: 5, bytes: 100, capacity: null }, now);
  for (let i = 0; heard === null && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    heard = await one.exchange({ sessions: 5, bytes: 100, capacity: null }, now);
  }
  assert.equal(heard?.hosts, 2001);
  assert.ok(Math.abs((heard?.sessions ?? 0) / 20_000 - 1) < 0.15, JSON.stringify(heard));
});

test('hosts hear each other over Valkey, and go on while it is away', { skip: noRedis, timeout: 30_000 }, async (t) => {
  const server = await RedisServer.start();
  after(async () => await server.down());
  const logged: string[] = [];
  const log = (_level: string, message: string): void => {
    logged.push(message);
  };
  const [one, two] = [new Fleet(server.url, log), new Fleet(server.url, log)];
  t.after(async () => {
    await one.close();
  });
  const now = Date.now();
  let heard = await one.exchange({ sessions: 5, bytes: 100, capacity: null }, now);
  for (let i = 0; heard === null && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    heard = await one.exchange({ sessions: 5, bytes: 100, capacity: null }, now);
  }
  let both = await two.exchange({ sessions: 7, bytes: 200, capacity: null }, now);
  for (let i = 0; both === null && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    both = await two.exchange({ sessions: 7, bytes: 200, capacity: null }, now);
  }
  assert.deepEqual(both, { hosts: 2, sessions: 12, bytes: 300, capacity: null });
  assert.deepEqual(await one.exchange({ sessions: 6, bytes: 100, capacity: null }, now), {
    hosts: 2,
    sessions: 13,
    bytes: 300,
    capacity: null,
  });
  await two.close();
  assert.equal((await one.exchange({ sessions: 6, bytes: 100, capacity: null }, now))?.hosts, 1);
  const ofHosts = () => logged.filter((message) => message.startsWith('hosts'));
  assert.deepEqual(ofHosts(), ['hosts left the fleet']);
  const redis = new Redis(server.url.replace('valkey:', 'redis:'));
  await redis.hset('tidegate:load', 'killed', JSON.stringify({ at: now - 60_000, sessions: 1, bytes: 1 }));
  assert.equal((await one.exchange({ sessions: 6, bytes: 100, capacity: null }, now))?.hosts, 1);
  assert.equal((await one.exchange({ sessions: 6, bytes: 100, capacity: null }, now))?.hosts, 1);
  redis.disconnect();
  assert.deepEqual(ofHosts().slice(1), ['hosts of the fleet are silent'], 'once');
  await server.down();
  assert.equal(await one.exchange({ sessions: 6, bytes: 100, capacity: null }, now), null);
  assert.equal(one.load?.hosts, 1);
  assert.ok(logged.includes('the fleet is not heard'));
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Fleet } from '../../../src/host/scale/fleet.js';
import { fleetSum, readMember } from '../../../src/scale/replicas/fleet-sum.js';
import { noRedis, RedisServer } from '../../support/redis.js';

test('the sum leaves out the silent, and holds nonsense to ten times the median', () => {
  const member = (at: number, sessions: number) => ({ at, sessions, bytes: 0 });
  const now = 1_000_000;
  assert.deepEqual(fleetSum([member(now, 10), member(now - 60_000, 50)], now), { hosts: 1, sessions: 10, bytes: 0 });
  assert.equal(fleetSum([member(now, 10), member(now, 12), member(now, 1e12)], now).sessions, 10 + 12 + 120);
  assert.equal(fleetSum([], now).hosts, 0);
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
  assert.deepEqual(readMember('{"at":1,"sessions":2,"bytes":3}'), { at: 1, sessions: 2, bytes: 3 });
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
  let heard = await one.exchange({ sessions: 5, bytes: 100 }, now);
  for (let i = 0; heard === null && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    heard = await one.exchange({ sessions: 5, bytes: 100 }, now);
  }
  let both = await two.exchange({ sessions: 7, bytes: 200 }, now);
  for (let i = 0; both === null && i < 50; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    both = await two.exchange({ sessions: 7, bytes: 200 }, now);
  }
  assert.deepEqual(both, { hosts: 2, sessions: 12, bytes: 300 });
  assert.deepEqual(await one.exchange({ sessions: 6, bytes: 100 }, now), { hosts: 2, sessions: 13, bytes: 300 });
  await two.close();
  assert.equal((await one.exchange({ sessions: 6, bytes: 100 }, now))?.hosts, 1);
  assert.ok(logged.includes('hosts of the fleet are silent'));
  await server.down();
  assert.equal(await one.exchange({ sessions: 6, bytes: 100 }, now), null);
  assert.equal(one.load?.hosts, 1);
  assert.ok(logged.includes('the fleet is not heard'));
});

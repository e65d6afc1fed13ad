import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../../src/host/config.js';
import { Fleet } from '../../../src/host/scale/fleet.js';
import { FleetForecast } from '../../../src/host/scale/fleet-forecast.js';
import { LoadKeeper } from '../../../src/host/scale/load-keeper.js';
import { until } from '../../support/client.js';
import { noRedis, RedisServer } from '../../support/redis.js';

const MINUTE_MS = 60_000;
const HOUR = 60;
const DAY = 1440;
const shared = { skip: noRedis, timeout: 60_000 };
const own = { sessions: 50, bytes: 1000, capacity: 600 };

/** Sessions of a minute in a fleet that is busy for two hours of each day: from 1,000 to 5,000 on average. */
const load = (minute: number): number => (minute % DAY < 2 * HOUR ? 5000 : 1000) * 6;

/** A fleet on a server of the test's own. */
async function fleetOf(t: { after(work: () => Promise<void>): void }) {
  const server = await RedisServer.start();
  const fleets: Fleet[] = [];
  t.after(async () => {
    for (const fleet of fleets) await fleet.close();
    await server.down();
  });
  const enter = async (): Promise<Fleet> => {
    const fleet = new Fleet(server.url, () => {});
    fleets.push(fleet);
    await until(async () => (await fleet.exchange(own, Date.now())) !== null, 5000, 'Valkey to be there');
    return fleet;
  };
  return { server, enter };
}

test('a host that is new to a fleet foretells from its days what the others do', shared, async (t) => {
  const { enter } = await fleetOf(t);
  const fleet = await enter();
  // A minute before the busy hours of the fourth day.
  const now = 20_000 * DAY - 1;
  for (let minute = now - 3 * DAY; minute < now; minute++) {
    if (minute % 97 !== 0) await fleet.keep(minute, { sessions: load(minute), bytes: 0 });
  }
  const hosts = [new FleetForecast(fleet, 'sessions'), new FleetForecast(await enter(), 'sessions')];
  for (const host of hosts) await host.look(own, now * MINUTE_MS);
  const told = hosts.map((host) => host.forecasts().map(({ mean }) => Math.round(mean)));
  assert.deepEqual(told[0], told[1]);
  const hour = hosts[0].forecasts().find(({ horizon }) => horizon === HOUR);
  const minutes = hosts[0].forecasts().find(({ horizon }) => horizon === 5);
  assert.ok((hour?.mean ?? 0) > 3 * load(now - 1), `${hour?.mean}`);
  assert.ok((minutes?.mean ?? 0) > 2 * load(now - 1), `${minutes?.mean}`);
});

test('minutes of a fleet are told once, kept for eight days, and may have gaps', shared, async (t) => {
  const { enter } = await fleetOf(t);
  const [one, two] = [await enter(), await enter()];
  const now = 20_000 * DAY;
  await one.keep(now - 3, { sessions: 6, bytes: 60 });
  await two.keep(now - 3, { sessions: 7, bytes: 70 });
  await two.keep(now - 1, { sessions: 8, bytes: 80 });
  await one.keep(now - 9 * DAY, { sessions: 9, bytes: 90 });
  await one.keep(now, { sessions: Number.NaN, bytes: 0 });
  const expected = [{ sessions: 6, bytes: 60 }, null, { sessions: 8, bytes: 80 }];
  assert.deepEqual(await two.minutes(now), expected);
  assert.deepEqual(await two.minutes(now - 1), expected, 'the one that goes on is told already');
  assert.deepEqual(await two.minutes(now + 8 * DAY - 2), [expected[2], ...new Array(8 * DAY - 2).fill(null)]);
  // A minute of looks, of which the first only asks for what was before.
  const host = new FleetForecast(one, 'sessions');
  for (let look = 0; look <= 6; look++) await host.look(own, Date.now());
  const [minute] = (await two.minutes(Math.floor(Date.now() / MINUTE_MS))) ?? [];
  assert.deepEqual(minute, { sessions: 6 * 100, bytes: 6 * 2000 });
});

test('what a host carries a new one takes from the others, until it knows', shared, async (t) => {
  const { server, enter } = await fleetOf(t);
  await enter();
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-fleet-'));
  const keeper = new LoadKeeper(
    parseConfig({ store: server.url, dataDir, scaling: { capacity: 'auto', min: 1, max: 50 } }),
    () => {},
  );
  const looks = 40;
  await keeper.start(
    () => ({ sessions: 0, bytes: 0, busyMicroseconds: 0 }),
    () => {},
  );
  t.after(async () => {
    await keeper.close();
    rmSync(dataDir, { recursive: true });
  });
  assert.equal(keeper.capacity('sessions'), null);
  await until(() => keeper.hosts === 2, 20_000, 'it to hear of the other');
  assert.equal(keeper.capacity('sessions'), own.capacity);
  assert.equal(keeper.capacity('bytes'), null, 'hosts tell of what they are scaled by');
  for (let i = 0; i <= looks; i++) {
    keeper.look(i * 10_000, { sessions: 10, bytes: 0, busyMicroseconds: i * 5e6 });
  }
  const learned = keeper.capacity('sessions');
  assert.ok(learned !== null && Math.abs(learned - 10 * 6 * 1.4) < 1, `${learned}`);
});

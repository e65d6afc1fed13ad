import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseConfig } from '../../../src/host/config.js';
import { LoadKeeper } from '../../../src/host/scale/load-keeper.js';
import { type CapacityOutlook, OutlookGate, outlookOf } from '../../../src/scale/replicas/capacity-outlook.js';
import { LearnedCapacity } from '../../../src/scale/replicas/learned-capacity.js';
import { seeded } from '../../support/seeded.js';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function keeperIn(dataDir: string, scaling = {}): { keeper: LoadKeeper; logged: string[] } {
  const logged: string[] = [];
  const keeper = new LoadKeeper(parseConfig({ dataDir, scaling }), (_level, message) => logged.push(message));
  return { keeper, logged };
}

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'tidegate-load-'));
  folders.push(made);
  return made;
};

/** An hour in which sessions rise from 10 to 70. */
function rise(keeper: LoadKeeper, from = 0): void {
  for (let i = 0; i <= 360; i++) {
    keeper.look(from + i * 10_000, { sessions: 10 + i / 6, bytes: i * 5e5, busyMicroseconds: i * 1e6 });
  }
}

const nothing = { sessions: 0, bytes: 0, busyMicroseconds: 0 };

test('a load that rises asks for hosts before it is there', () => {
  const { keeper } = keeperIn(folder(), { capacity: 20, startSeconds: 120, margin: 1 });
  rise(keeper);
  const { desired } = keeper;
  assert.ok(desired !== null);
  assert.ok(desired.replicas >= 4 && desired.replicas <= 7, `${desired.replicas}`);
  assert.ok(desired.load / 6 > 60 && desired.load / 6 < 80, `${desired.load / 6}`);
});

test('bytes are foretold from the predictions of the sessions where those are right', () => {
  const minutes = 500;
  const random = seeded(3);
  const rates = Array.from({ length: minutes + 1 }, () => (random() < 0.5 ? 1000 : 9000));
  const surprise = (predicts: boolean): number => {
    const { keeper } = keeperIn(folder(), { metric: 'bytes', capacity: 1e5 });
    let bytes = 0;
    let error = 0;
    keeper.look(0, { sessions: 10, bytes, busyMicroseconds: 0 });
    for (let i = 1; i < 6 * minutes; i++) {
      bytes += 10 * rates[Math.floor((i - 1) / 6)];
      const next = rates[Math.floor(i / 6)];
      const dataRate = predicts ? next : null;
      keeper.look(i * 10_000, { sessions: 10, bytes, busyMicroseconds: 0, dataRate });
      if (i % 6 === 0 && i > 1200) error += Math.abs(keeper.forecasts('bytes')[0].mean / 60 - next);
    }
    return error / minutes;
  };
  assert.ok(surprise(true) < 0.5 * surprise(false), `${surprise(true)} and ${surprise(false)}`);
});

test('without load, or without a known capacity, nothing is asked for', () => {
  const { keeper } = keeperIn(folder(), { capacity: 20 });
  assert.equal(keeper.desired, null);
  assert.equal(keeper.outlook, null);
});

test('clock steps, sleep and counters that begin anew are nobody’s load', () => {
  const { keeper } = keeperIn(folder(), { metric: 'bytes', capacity: 1e5 });
  for (let i = 0; i < 200; i++) {
    const at = i * 10_000 + (i >= 100 ? 86_400_000 : 0) - (i >= 150 ? 3_600_000 : 0);
    keeper.look(at, { sessions: 5, bytes: (i % 60) * 1e6, busyMicroseconds: i * 1e5 });
  }
  for (const { mean } of keeper.forecasts('bytes')) assert.ok(mean >= 0 && mean < 7e6, `${mean}`);
});

test('minutes are kept, and learned again at the next start; a file that is none is left aside', async () => {
  const dataDir = folder();
  const { keeper } = keeperIn(dataDir);
  rise(keeper);
  await keeper.close();
  const next = keeperIn(dataDir);
  await next.keeper.start(
    () => nothing,
    () => {},
  );
  const { history } = keeper.forecasters.bytes;
  for (let i = 0; i < 100 && next.keeper.forecasters.bytes.history.count < history.count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [{ mean }] = next.keeper.forecasts('sessions');
  assert.ok(mean / 6 > 60 && mean / 6 < 80, `${mean / 6}`);
  for (const name of ['sessions', 'bytes'] as const) {
    const [before, after] = [keeper.capacity(name), next.keeper.capacity(name)];
    assert.ok(before !== null && after !== null && Math.abs(after / before - 1) < 1e-5, `${before} and ${after}`);
  }
  await next.keeper.close();

  writeFileSync(join(dataDir, 'load', 'minutes.bin'), 'no load at all');
  const broken = keeperIn(dataDir);
  await broken.keeper.start(
    () => nothing,
    () => {},
  );
  for (let i = 0; i < 100 && broken.logged.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(broken.logged, ['the load of earlier days is left aside']);
  await broken.keeper.close();
});

test('a host that was away finds yesterday where it was: what it missed is counted as time', async () => {
  const dataDir = folder();
  const path = join(dataDir, 'load', 'minutes.bin');
  mkdirSync(join(dataDir, 'load'), { recursive: true });
  const now = Math.round(Date.now() / 60_000);
  const count = 300;
  const write = (minutesAgo: number): void => {
    const ended = now - minutesAgo;
    const head = [0x54474c33, Math.floor(ended / 1440), ended % 1440, count, 0, 0, 0, 0];
    writeFileSync(path, new Uint8Array(Float32Array.from([...head, ...new Array(2 * count).fill(60)]).buffer));
  };
  const restored = async (minutesAgo: number, least: number): Promise<number> => {
    write(minutesAgo);
    const { keeper } = keeperIn(dataDir);
    await keeper.start(
      () => nothing,
      () => {},
    );
    const { history } = keeper.forecasters.bytes;
    for (let i = 0; i < 200 && history.count < least; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    await keeper.close();
    return history.count;
  };
  const there = await restored(90, count + 90);
  assert.ok(Math.abs(there - count - 90) <= 1, `${there}`);
  assert.equal(await restored(9 * 1440, 1), 0, 'of more than eight days ago nothing is used');
});

test('a capacity is learned from use: half used by 100 is 140 at 70 %', () => {
  const capacity = new LearnedCapacity();
  assert.equal(capacity.value, null);
  capacity.look(5, 0.001);
  assert.equal(capacity.value, null, 'an idle host teaches nothing');
  for (let i = 0; i < 50; i++) capacity.look(100, 0.5);
  assert.ok(Math.abs((capacity.value ?? 0) - 140) < 1e-6);
});

test('clients are told of an outlook where it has changed enough, and no more than four times a minute', () => {
  const forecast = (load: number) =>
    [1, 5].map((horizon) => ({ horizon, mean: load, spread: 0, quantile: () => load }));
  assert.equal(outlookOf(forecast(50), null), null);
  const calm = outlookOf(forecast(50), 100) as CapacityOutlook;
  assert.deepEqual(calm, { in1m: 0.5, in5m: 0.5, pace: 1 });
  const tight = outlookOf(forecast(170), 100) as CapacityOutlook;
  assert.equal(tight.pace, 0.5);
  const gate = new OutlookGate();
  assert.equal(gate.passes(calm, 0), false);
  assert.equal(gate.passes(tight, 1_000), true);
  assert.equal(gate.passes({ ...tight, in1m: 1.72 }, 2_000), false);
  let told = 0;
  for (let i = 0; i < 20; i++) if (gate.passes({ ...tight, in1m: i }, 3_000 + i)) told++;
  assert.equal(told, 3);
  assert.equal(gate.passes(calm, 70_000), true, 'that it is over is told too');
  assert.equal(gate.passes(calm, 80_000), false);
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, test } from 'node:test';
import type { SessionError } from '../../src/client/index.js';
import type { SocketHost } from '../../src/host/socket-host.js';
import { until } from '../support/client.js';
import { FunctionHosts, moduleOf, text, textOf } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());
const limit = { timeout: 180_000 };

/** The answer to a session of a client that speaks no control. */
async function plainAnswer(host: SocketHost): Promise<string> {
  return await hosts.openPlain(host, 'echo').then(
    () => 'served',
    (error: Error) => error.message,
  );
}

test(
  'over what it carries a host asks new clients to come again, each in its way, and lets them in when there is room',
  limit,
  async () => {
    const host = await hosts.start({ scaling: { capacity: 2 }, pressure: { dropAt: null } });
    const steps: string[] = [];
    host.on('pressure', (step) => steps.push(step));
    const sessions = [await hosts.open(host, 'echo'), await hosts.open(host, 'echo'), await hosts.open(host, 'echo')];
    await until(() => host.scaling.step === 'refuse', 30_000);
    assert.deepEqual(steps, ['signal', 'shrink', 'refuse'], 'in this order');

    const refused = await hosts.open(host, 'echo').then(
      () => null,
      (error: SessionError) => error,
    );
    assert.equal(refused?.code, 'retry-later');
    assert.ok((refused?.retryAfterMs ?? 0) >= 2500 && (refused?.retryAfterMs ?? 0) <= 7500, 'spread over time');
    assert.match(await plainAnswer(host), /refused with status 503/);
    assert.equal(textOf(await sessions[0].request(text('still here'))), 'still here', 'who is in stays');
    await until(() => host.shards.totals().sessionsDeferred === 2);

    const waiting = hosts.keepOpen(host, 'echo', { firstWaitMs: 100 });
    const downs: number[] = [];
    waiting.on('down', ({ waitMs }) => downs.push(waitMs));
    await until(() => downs.length > 0, 30_000);
    assert.ok(downs[0] >= 2500, 'it waits as long as it was told');
    for (const session of sessions) session.close();
    await until(() => host.scaling.step === 'calm', 40_000);
    assert.deepEqual(steps.slice(3), ['shrink', 'signal', 'calm'], 'and back in reverse');
    assert.equal(textOf(await waiting.request(text('in at last'))), 'in at last');
    assert.equal(await plainAnswer(host), 'served');
  },
);

test('the least important sessions are dropped last of all, and told when to come again', limit, async () => {
  const host = await hosts.start({
    scaling: { capacity: 2 },
    functions: { precious: { endpoint: 'peer', weight: 10 }, cheap: { endpoint: 'peer', weight: 0.1 } },
  });
  const precious = [await hosts.open(host, 'precious?name=a'), await hosts.open(host, 'precious?name=a')];
  const cheap = await hosts.open(host, 'cheap?name=b');
  const told: number[] = [];
  cheap.on('retry', ({ afterMs }) => told.push(afterMs));
  const { closeCode, reason } = (await cheap.transport.closed) as { closeCode: number; reason: string };
  assert.equal(closeCode, 98);
  assert.match(reason, /retry after \d+ ms/);
  await until(() => host.shards.totals().sessions === 2);
  await until(() => host.shards.totals().sessionsShed === 1);
  for (const { transport } of precious) {
    assert.equal(await Promise.race([transport.closed.then(() => 'closed'), Promise.resolve('open')]), 'open');
  }
});

test('limits that are about to shrink are told before, and shrink no further than told', limit, async () => {
  const host = await hosts.start({
    scaling: { capacity: 1 },
    pressure: { refuseAt: null, dropAt: null },
    policy: { minRateLimit: 1000, rateLimitFactor: 8 },
    tick: 0.2,
  });
  const session = await hosts.open(host, 'sink');
  const events: { name: string; at: number; rateLimit: number; inMs?: number }[] = [];
  session.on('limits', (message) => events.push({ name: 'limits', at: performance.now(), ...message }));
  session.on('settings', ({ settings }) =>
    events.push({ name: 'settings', at: performance.now(), rateLimit: settings.rateLimit }),
  );
  const timer = setInterval(() => void session.sendDatagram(new Uint8Array(1000)).catch(() => {}), 20);
  try {
    await until(() => events.some(({ name }) => name === 'limits'), 20_000);
    await until(() => host.scaling.step === 'shrink', 20_000);
    const began = performance.now();
    await until(() => events.some(({ name, at }) => name === 'settings' && at > began - 500), 20_000);
  } finally {
    clearInterval(timer);
  }
  const announced = events.find(({ name }) => name === 'limits');
  assert.ok(announced !== undefined);
  const before = events.filter(({ name, at }) => name === 'settings' && at < announced.at).at(-1);
  const shrunk = events.filter(({ name }) => name === 'settings').at(-1);
  assert.ok(shrunk !== undefined && shrunk.at > announced.at + (announced.inMs ?? 0) - 1000, 'not before it said');
  assert.ok(shrunk.rateLimit >= announced.rateLimit * 0.9, JSON.stringify(events));
  if (before !== undefined) assert.ok(shrunk.rateLimit < before.rateLimit * 0.8, JSON.stringify(events));
});

test('a host that loses packets because it cannot keep up says so and refuses, though nobody said what it carries', {
  ...limit,
  skip: !existsSync('/proc/self/net/udp'),
}, async () => {
  const host = await hosts.start({
    mode: 'observe',
    functions: { slow: { endpoint: moduleOf('troublesome') } },
    pressure: { dropAt: null },
  });
  const losses: number[] = [];
  host.on('log', (_, message, detail) => {
    if (message === 'pressure' && detail?.step === 'refuse') losses.push(detail.lost as number);
  });
  const sessions = await Promise.all(Array.from({ length: 40 }, () => hosts.open(host, 'slow')));
  const work = text('burn 1');
  const timer = setInterval(() => {
    for (const session of sessions) void session.sendDatagram(work).catch(() => {});
  }, 10);
  try {
    await until(() => host.scaling.step === 'refuse', 60_000, 'a host that refuses');
  } finally {
    clearInterval(timer);
  }
  assert.ok(losses[0] >= 0.02, `lost ${losses}`);
  assert.ok((host.scaling.receiveQueues?.dropped ?? 0) > 0);
  await until(() => host.scaling.step === 'calm', 60_000, 'a host that is calm');
  assert.equal(await plainAnswer(host), 'served');
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FunctionSession } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import type { SessionDetail } from '../../src/host/session-details.js';
import type { SocketHost } from '../../src/host/socket-host.js';
import { sleep, until } from '../support/client.js';
import { FunctionHosts, text } from '../support/function-host.js';

const limit = { timeout: 120_000 };
const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

const PROMISED = 400_000;

/** A host with ten ticks a second whose limits follow predictions far down. */
async function start(
  functions: HostConfigInput['functions'] = {},
  clientFunctions: HostConfigInput['clientFunctions'] = {},
): Promise<SocketHost> {
  return await hosts.start({
    prediction: { enabled: true },
    training: { enabled: false },
    tick: 0.1,
    policy: { minRateLimit: 1000, rateLimitFactor: 4 },
    functions,
    clientFunctions,
  });
}

/** The sessions of a function. */
async function of(host: SocketHost, name: string): Promise<SessionDetail[]> {
  return (await host.sessions()).filter(({ function: functionId }) => functionId === name);
}

/** The predictor's thread breaks and is started again; resolves when it has seen so many ticks. */
async function breakPredictor(host: SocketHost, ticks: number): Promise<void> {
  const { service } = host.prediction;
  assert.ok(service !== null);
  const before = service.restarts;
  service.opened(0, [null as never]);
  await until(() => service.restarts > before, 10_000, 'the predictor to end');
  await until(() => (service.status?.ticks ?? 0) >= ticks, 20_000, 'the predictor to be there again');
}

/** A few bytes now and then. */
async function trickle(session: FunctionSession, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await session.sendDatagram(text('a'));
    await sleep(100);
  }
}

test(
  'no limit falls below what a function promises, nor from the first tick on, nor where the predictor begins anew',
  limit,
  async (t) => {
    const host = await start({ kept: { endpoint: 'echo', promise: { rateLimit: PROMISED } } });
    const functions = new Map<string, string>();
    host.on('session', ({ id, functionId }) => functions.set(id, functionId));
    const limits: Record<string, number[]> = { kept: [], echo: [] };
    host.on('settings', ({ id, rateLimit }) => limits[functions.get(id) as string].push(rateLimit));
    let isOver = false;
    t.after(() => {
      isOver = true;
    });
    const sessions = await Promise.all(
      ['kept', 'kept', 'kept', 'kept', 'echo'].map(async (name) => await hosts.open(host, name)),
    );
    const sending = sessions.map((session) => trickle(session, () => isOver));
    const isFollowed = async (): Promise<boolean> => (await of(host, 'echo'))[0].settings.rateLimit < PROMISED / 4;
    await until(isFollowed, 20_000, 'limits to follow what is little');
    await breakPredictor(host, 30);
    await until(isFollowed, 20_000, 'limits to follow again');
    assert.ok(Math.min(...limits.kept) >= PROMISED && limits.kept.length >= 4, JSON.stringify(limits));
    isOver = true;
    await Promise.all(sending);
  },
);

test('what sessions did before a predictor began is nothing that they do now', limit, async () => {
  const host = await start();
  const session = await hosts.open(host, 'echo');
  const block = text('x'.repeat(1000));
  for (let i = 0; i < 300; i++) {
    await session.sendDatagram(block);
    if (i % 10 === 0) await sleep(10);
  }
  const forecast = async (): Promise<number> => (await of(host, 'echo'))[0].profile.predictedDataRate;
  await until(async () => (await forecast()) > 20_000, 20_000, 'it to be seen');
  await until(async () => (await forecast()) < 2000, 40_000, 'it to be over');
  await breakPredictor(host, 3);
  assert.ok((await forecast()) < 10_000, `${await forecast()}`);
});

test('a session that turns to a function of its own is held to no other’s promise', limit, async (t) => {
  const kept = { endpoint: 'echo', promise: { rateLimit: PROMISED } };
  const host = await start({ kept }, { most: 1, functions: ['kept'] });
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  const session = await hosts.open(host, 'kept');
  const sending = trickle(session, () => isOver);
  await until(async () => (await of(host, 'kept'))[0]?.settings.rateLimit === PROMISED, 5000, 'what is promised');
  await session.define({ id: 'mine', endpoint: { function: 'kept' } });
  await until(async () => (await of(host, 'mine'))[0]?.settings.rateLimit < PROMISED / 4, 20_000, 'a small limit');
  isOver = true;
  await sending;
});

test('what functions promise after a reload holds for sessions that are open', limit, async (t) => {
  const kept = { endpoint: 'echo' };
  const host = await start({ kept });
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  const session = await hosts.open(host, 'kept');
  const sending = trickle(session, () => isOver);
  await until(async () => (await of(host, 'kept'))[0]?.settings.rateLimit < PROMISED / 4, 20_000, 'a small limit');
  await host.reload({ ...host.config, functions: { kept: { ...kept, promise: { rateLimit: PROMISED } } } });
  await until(async () => (await of(host, 'kept'))[0]?.settings.rateLimit === PROMISED, 5000, 'what is promised');
  isOver = true;
  await sending;
});

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { FunctionSession } from '../../src/client/index.js';
import type { SocketHost } from '../../src/host/socket-host.js';
import { FunctionHosts, text } from '../support/function-host.js';
import { seeded } from '../support/seeded.js';

const limit = { timeout: 120_000 };
const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const ORDINARY = 50;

type Change = { client: string; to: number; reason: string };

/** Sends now and then, as people do. */
async function chatter(session: FunctionSession, random: () => number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await sleep(300 + 1500 * random());
    await session.sendDatagram(text('x'.repeat(20 + Math.floor(300 * random())))).catch(() => {});
  }
}

/** Opens streams and resets them, some forty a second. */
async function resetStreams(session: FunctionSession, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const stream = await session.transport.createUnidirectionalStream();
    const writer = stream.getWriter();
    await writer.write(text('a')).catch(() => {});
    await writer.abort(new Error('no more')).catch(() => {});
    await sleep(20);
  }
}

async function until(host: SocketHost, what: () => boolean): Promise<void> {
  for (let i = 0; i < 300 && !what(); i++) await sleep(100);
  assert.ok(what(), JSON.stringify((await host.sessions()).map(({ risk, riskReasons }) => [risk, riskReasons])));
}

test(
  'an abusive client is stepped up, with its reason shown, and fifty ordinary ones are left alone',
  limit,
  async (t) => {
    const host = await hosts.start({ prediction: { enabled: true }, training: { enabled: false }, tick: 0.5 });
    const changes: Change[] = [];
    host.on('level', (change) => changes.push(change));
    const random = seeded(3);
    let isOver = false;
    t.after(() => {
      isOver = true;
    });
    const ordinary = await Promise.all(Array.from({ length: ORDINARY }, () => hosts.open(host, 'echo')));
    const talking = ordinary.map((session) => chatter(session, random, () => isOver));
    await sleep(4000);
    const abuser = await hosts.open(host, 'sink');
    const reasons: string[] = [];
    abuser.on('challenge', ({ reason }) => reasons.push(reason));
    const abusing = resetStreams(abuser, () => isOver);
    await until(host, () => changes.some(({ to }) => to === 2));
    await until(host, () => reasons.length > 0);
    assert.match(reasons[0], /streams reset in 10 s: \d+, ordinary is up to 0/);
    const detail = (await host.sessions()).find(({ function: name }) => name === 'sink');
    assert.ok(detail !== undefined && detail.risk > 0.9, `${detail?.risk}`);
    assert.match(detail.riskReasons[0], /streams reset/);
    assert.ok(detail.profile.predictedSecurityRisk > 0.9);
    await sleep(3000);
    const clients = new Set(changes.map(({ client }) => client));
    assert.equal(clients.size, 1, JSON.stringify(changes));
    isOver = true;
    await Promise.all([...talking, abusing]);
  },
);

test('who is turned away again and again is watched: its next session begins at a higher level', limit, async () => {
  const host = await hosts.start({ prediction: { enabled: true }, training: { enabled: false }, tick: 0.5 });
  const calm = await hosts.open(host, 'echo');
  assert.equal(calm.settings.securityLevel, 0);
  for (let i = 0; i < 14; i++) await assert.rejects(hosts.open(host, `secret-${i}`));
  await sleep(1500);
  const next = await hosts.open(host, 'echo');
  assert.ok(next.settings.securityLevel >= 1, `${next.settings.securityLevel}`);
});

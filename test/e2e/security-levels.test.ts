import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { FunctionSession } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import type { SocketHost } from '../../src/host/socket-host.js';
import { until } from '../support/client.js';
import { FunctionHosts, moduleOf, text, textOf } from '../support/function-host.js';

const hosts = new FunctionHosts();
after(async () => await hosts.dispose());

const greeter = moduleOf('greeter');
const limit = { timeout: 60_000 };

/** Levels that come and go within seconds, on proofs that are found at once. */
const quick: HostConfigInput = {
  tick: 0.1,
  functions: { greet: { endpoint: greeter } },
  security: { halfLife: 1, hold: 0.3, challengeSeconds: 0.5, workBits: 8 },
};

/** Each is counted against the client: half a point. */
async function misbehave(session: FunctionSession, times: number): Promise<void> {
  // At once: evidence fades within a second, and a busy machine takes its time.
  await Promise.all(
    Array.from({ length: times }, (_, i) =>
      session.define({ id: `x${i}`, endpoint: { function: 'nothing' } }).catch(() => {}),
    ),
  );
}

const levelOf = async (host: SocketHost): Promise<number | undefined> =>
  (await host.sessions()).at(0)?.settings.securityLevel;

test('who misbehaves is stepped up, answers within a round trip, and comes back down', limit, async () => {
  const host = await hosts.start(quick);
  const changes: string[] = [];
  host.on('level', ({ from, to, reason }) => changes.push(`${from}-${to} ${reason}`));
  const session = await hosts.open(host, 'greet');
  const seen: string[] = [];
  session.on('challenge', ({ reason }) => seen.push(`challenge ${reason}`));
  session.on('passed', () => seen.push('passed'));
  await misbehave(session, 5);
  await until(() => seen.includes('passed'));
  assert.match(seen[0], /^challenge evidence .*function-refused/);
  await until(async () => (await levelOf(host)) === 0);
  await until(() => session.settings.securityLevel === 0);
  assert.match(changes[0], /^0-[12] evidence/);
  assert.match(changes.at(-1) ?? '', /-0 .*has passed$/);
  assert.ok(host.levelChanges[2] >= 1 && host.levelChanges[3] === 0);
  assert.equal(JSON.parse(textOf(await session.request(text('still here')))).level, 0);
});

test('who does not answer is quarantined: a trickle, and a handler of its own', limit, async () => {
  const host = await hosts.start({
    ...quick,
    functions: { greet: { endpoint: greeter, quarantine: moduleOf('troublesome') } },
    security: { ...quick.security, workBits: 30, points: [1, 2, 2.6], halfLife: 20 },
  });
  const session = await hosts.open(host, 'greet');
  const refused: string[] = [];
  session.on('refused', ({ name }) => refused.push(name));
  await misbehave(session, 5);
  await until(async () => (await levelOf(host)) === 3);
  assert.ok(refused.includes('challenge-late') || host.levelChanges[3] >= 1);
  assert.equal(textOf(await session.request(text('x'))), 'did x', 'its own handler');
  const started = performance.now();
  await session.request(new Uint8Array(3000)).catch(() => {});
  assert.ok(performance.now() - started > 1000, 'a trickle: 1,024 bytes a second');
});

test('quarantine may close the session instead, with its code', limit, async () => {
  const security = {
    ...quick.security,
    quarantine: 'close' as const,
    points: [0.5, 1, 1.5] as [number, number, number],
  };
  const host = await hosts.start({ ...quick, security });
  const session = await hosts.open(host, 'greet');
  await misbehave(session, 5);
  const { closeCode } = (await session.transport.closed) as { closeCode: number };
  assert.equal(closeCode, 67);
});

test('in observe mode levels are told and nothing is done about them', limit, async () => {
  const host = await hosts.start({ ...quick, mode: 'observe', security: { ...quick.security, quarantine: 'close' } });
  const session = await hosts.open(host, 'greet');
  assert.equal(session.settings.mode, 'observe');
  let challenged = false;
  session.on('challenge', () => {
    challenged = true;
  });
  await misbehave(session, 12);
  await until(() => host.levelChanges[3] > 0);
  assert.equal(challenged, false);
  assert.equal(JSON.parse(textOf(await session.request(text('hello')))).said[0], 'hello');
});

test('a fresh JWT answers a challenge; an old one does not', limit, async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const keys = join(mkdtempSync(join(tmpdir(), 'tidegate-jwt-')), 'jwks.json');
  writeFileSync(keys, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256' }] }));
  const sign = async (issuedAt: number) =>
    await new SignJWT({ sub: 'ann', aud: 'here' })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + 600)
      .sign(privateKey);
  const host = await hosts.start({ ...quick, identity: { jwt: { keys, audience: 'here', required: true } } });
  await assert.rejects(hosts.open(host, 'greet'), 'without a JWT');
  const seconds = () => Math.floor(Date.now() / 1000);
  const fresh = await hosts.open(host, 'greet', { jwt: async () => await sign(seconds()) });
  let passed = false;
  fresh.on('passed', () => {
    passed = true;
  });
  await misbehave(fresh, 5);
  await until(() => passed);
  const stale = await sign(seconds() - 60);
  const old = await hosts.open(host, 'greet', { jwt: () => stale });
  const refused: string[] = [];
  old.on('refused', ({ name }) => refused.push(name));
  await misbehave(old, 5);
  await until(() => refused.includes('challenge-failed'));
});

test('where JWTs say nobody who a client is it is asked for none', limit, async () => {
  const host = await hosts.start(quick);
  const session = await hosts.open(host, 'greet', { jwt: () => 'of another host' });
  const seen: string[] = [];
  session.on('passed', () => seen.push('passed'));
  session.on('refused', ({ name }) => seen.push(name));
  await misbehave(session, 5);
  await until(() => seen.includes('passed'));
  assert.ok(!seen.includes('challenge-failed'));
});

test('while the keys of JWTs are away nobody is quarantined for an answer that can not be checked', limit, async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'a' };
  let isAway = false;
  const keys = createServer((_, response) => {
    if (isAway) response.socket?.destroy();
    else response.end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/jwks`;
    // Slow to fade: what counts adds up.
    const security = { ...quick.security, halfLife: 60, challengeSeconds: 0.3 };
    const host = await hosts.start({ ...quick, security, identity: { jwt: { keys: url, audience: 'here' } } });
    const sign = async () =>
      await new SignJWT({ sub: 'ann', aud: 'here' })
        .setProtectedHeader({ alg: 'ES256', kid: 'a' })
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(privateKey);
    const session = await hosts.open(host, 'greet', { jwt: sign });
    const seen: string[] = [];
    session.on('passed', () => seen.push('passed'));
    session.on('refused', ({ name }) => seen.push(name));
    isAway = true;
    // The keys that the host has are out of date.
    await host.reload({ ...host.config, identity: { jwt: { keys: `${url}?again`, audience: 'here' } } });
    await misbehave(session, 5);
    await until(() => seen.filter((name) => name === 'jwks-unavailable').length > 3);
    assert.ok(!seen.includes('challenge-failed') && host.levelChanges[3] === 0);
    isAway = false;
    await until(() => seen.includes('passed'));
  } finally {
    keys.close().closeAllConnections();
  }
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FunctionSession } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import type { SessionDetail } from '../../src/host/session-details.js';
import { sleep, until } from '../support/client.js';
import { openFunction, Tokens } from '../support/function-client.js';
import { text } from '../support/function-host.js';
import { CLI, HostProcess } from '../support/host-process.js';
import { noRedis, RedisServer } from '../support/redis.js';

const hosts: HostProcess[] = [];
const sessions: FunctionSession[] = [];
const servers: RedisServer[] = [];
after(async () => {
  for (const session of sessions) session.close();
  for (const host of hosts) await host.dispose();
  for (const server of servers) await server.down();
});

const quick: HostConfigInput = { tick: 0.2, prediction: { enabled: false } };

interface Start {
  config?: HostConfigInput;
  args?: string[];
  folder?: string;
}

async function start({ config = {}, args = [], folder }: Start = {}): Promise<HostProcess> {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'c.json');
  writeFileSync(file, JSON.stringify({ ...quick, ...config }));
  const host = await HostProcess.start(['--config', file, ...args], folder === undefined ? {} : { folder });
  hosts.push(host);
  return host;
}

async function open(host: HostProcess, path: string, tokens: Tokens | null = null): Promise<FunctionSession> {
  const session = await openFunction(host, path, { tokens });
  sessions.push(session);
  return session;
}

/** Works hard for some ticks, and leaves. */
async function work(session: FunctionSession, ticks = 8): Promise<void> {
  for (let i = 0; i < ticks; i++) {
    await session.request(new Uint8Array(30_000));
    await sleep(200);
  }
  session.close();
}

function run(host: HostProcess, ...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [CLI, ...args, '--data-dir', join(host.folder, 'data')], { encoding: 'utf8' });
}

const limit = { timeout: 120_000 };
const clientOf = async (host: HostProcess) => (await host.admin<SessionDetail[]>('/sessions'))[0]?.client;

/** All bytes of a host's data folder. */
function dataOf({ folder }: HostProcess): string {
  const files = readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true });
  return files
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath ?? entry.path, entry.name), 'latin1'))
    .join('\0');
}

test('a client with a token is known again, after a restart too, and its socket is set up for it', limit, async () => {
  const host = await start();
  const tokens = new Tokens();
  const first = await open(host, 'echo', tokens);
  const before = first.settings;
  const client = await clientOf(host);
  await work(first);
  await host.metricIs('tidegate_sessions', 0);
  const second = await open(host, 'echo', tokens);
  assert.equal(await clientOf(host), client);
  assert.ok(second.settings.rateLimit > before.rateLimit * 1.1, `${second.settings.rateLimit} > ${before.rateLimit}`);
  assert.ok(second.settings.bufferSize > before.bufferSize * 1.1);
  second.close();
  await host.stop();
  const again = await start({ folder: host.folder });
  const kept = new Tokens();
  // Another port: the token is that of the same keys.
  kept.kept.set(new URL(again.url).host, [...tokens.kept.values()][0]);
  const third = await open(again, 'echo', kept);
  assert.equal(await clientOf(again), client);
  assert.ok(third.settings.rateLimit > before.rateLimit * 1.1, `${third.settings.rateLimit} > ${before.rateLimit}`);
  const stranger = await open(again, 'echo', new Tokens());
  assert.notEqual(stranger.id, third.id);
});

test(
  'profile export tells all of a client, profile forget leaves nothing: by the host, and without it',
  limit,
  async () => {
    const host = await start({ config: { training: { enabled: false } } });
    const tokens = new Tokens();
    const session = await open(host, 'echo', tokens);
    const client = (await clientOf(host)) as string;
    const [token] = [...tokens.kept.values()];
    await work(session, 6);
    await until(() => dataOf(host).includes(client), 5000, 'the profile to be written');
    const exported = JSON.parse(run(host, 'profile', 'export', `token:${token}`).stdout);
    assert.equal(exported[0].client, client);
    assert.equal(exported[0].profile.sessionsSeen, 1);
    assert.ok(exported[0].profile.historicalData.length > 0);
    const byName = JSON.parse(run(host, 'profile', 'export', client).stdout);
    assert.equal(byName[0].profile.sessionsSeen, 1);

    const unauthorised = await fetch(`${host.adminUrl}/actions/forget`, { method: 'POST', body: '{"client":"x"}' });
    assert.equal(unauthorised.status, 401);
    const forgotten = run(host, 'profile', 'forget', client, '--json');
    assert.deepEqual(JSON.parse(forgotten.stdout), { forgotten: [client] });
    await sleep(1500);
    assert.equal(dataOf(host).includes(client), false, 'no byte of it is left while the host runs');

    const other = await open(host, 'echo', new Tokens());
    const name = (await clientOf(host)) as string;
    await work(other, 3);
    await host.stop();
    assert.ok(dataOf(host).includes(name));
    const offline = run(host, 'profile', 'forget', name);
    assert.equal(offline.status, 0, offline.stderr);
    assert.equal(dataOf(host).includes(name), false, 'nor without it');
    const unknown = run(host, 'profile', 'forget', 'token:forged');
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /names no client/);
  },
);

test('keys rotate while clients keep their profiles', limit, async () => {
  const host = await start();
  const tokens = new Tokens();
  const session = await open(host, 'echo', tokens);
  const before = (await clientOf(host)) as string;
  await work(session, 5);
  await until(() => dataOf(host).includes(before));
  const rotated = run(host, 'keys', 'rotate');
  assert.match(rotated.stdout, /2 keys, a new one in front; process \d+ has taken it over/, rotated.stderr);
  const second = await open(host, 'echo', tokens);
  const now = (await clientOf(host)) as string;
  assert.notEqual(now, before);
  const [detail] = await host.admin<SessionDetail[]>('/sessions');
  assert.ok(detail.profile.sessionsSeen >= 1, 'it moved over');
  second.close();
  assert.match(run(host, 'keys', 'public').stdout, /^[\w-]{43}\n[\w-]{43}\n$/);
});

test('what observe mode would have done is recorded, reported, and enforced at a word', limit, async () => {
  const policy = { minRateLimit: 2000, minBurst: 2000, maxRateLimit: 2000 };
  const host = await start({ args: ['--mode', 'observe'], config: { policy } });
  const session = await open(host, 'echo');
  // One read may take all there is: what comes after it finds no tokens.
  for (let i = 0; i < 5; i++) await session.request(new Uint8Array(30_000));
  session.close();
  await host.metricIs('tidegate_sessions', 0);
  await sleep(5500);
  const [report] = JSON.parse(run(host, 'report', '--json').stdout);
  assert.deepEqual([report.function, report.isEnforced, report.sessions], ['echo', false, 1]);
  assert.ok(report.heldPackets > 0, JSON.stringify(report));
  assert.match(run(host, 'report').stdout, /echo, observed only: 1 sessions .*\n.*\n.*would have been held back/);
  assert.equal(run(host, 'mode', 'enforce').stdout, 'limits hold\n');
  const held = await open(host, 'echo');
  assert.equal(held.settings.mode, 'enforce');
  let done = false;
  void held.request(new Uint8Array(60_000)).then(
    () => {
      done = true;
    },
    () => {},
  );
  await sleep(1000);
  assert.equal(done, false, 'it waits for tokens');
  const wrong = run(host, 'mode', 'sometimes');
  assert.deepEqual([wrong.status, /mode/.test(wrong.stderr)], [2, true]);
});

test('a host that is killed twenty times loses no more than the last second, and its store is never damaged', {
  timeout: 240_000,
}, async () => {
  const tokens = new Tokens();
  const first = await start();
  const { folder } = first;
  let host = first;
  for (let kill = 0; kill < 20; kill++) {
    if (kill > 0) host = await start({ folder });
    const key = new URL(host.url).host;
    const [token] = [...tokens.kept.values()];
    if (token !== undefined) tokens.kept.set(key, token);
    const session = await open(host, 'echo', tokens);
    const [detail] = await host.admin<SessionDetail[]>('/sessions');
    const { sessionsSeen } = detail.profile;
    // It may count the one that is open now.
    assert.ok(sessionsSeen >= kill, `${sessionsSeen} of ${kill} sessions are left after ${kill} kills`);
    const others = await Promise.all(Array.from({ length: 5 }, (_, i) => open(host, `echo?client=${kill}-${i}`)));
    const load = others.map((other) => other.request(new Uint8Array(100_000)).catch(() => {}));
    await session.request(text('hello'));
    // A tick, the flush behind it, and what a busy machine adds.
    await sleep(2000);
    assert.equal(await host.metric('tidegate_profile_records_damaged_total'), 0);
    await host.stop('SIGKILL');
    await Promise.all(load);
  }
});

test('two hosts on one Valkey know the same clients', { ...limit, skip: noRedis }, async () => {
  const server = await RedisServer.start();
  servers.push(server);
  const one = await start({ args: ['--store', server.url], config: { hostId: 1 } });
  const keys = join(one.folder, 'data', 'keys.json');
  const two = await start({ args: ['--store', server.url, '--keys', keys], config: { hostId: 2 } });
  const tokens = new Tokens();
  const first = await open(one, 'echo', tokens);
  const client = await clientOf(one);
  const before = first.settings;
  await work(first);
  const left = performance.now();
  const elsewhere = new Tokens();
  elsewhere.kept.set(new URL(two.url).host, [...tokens.kept.values()][0]);
  await sleep(1500);
  const second = await open(two, 'echo', elsewhere);
  assert.ok(performance.now() - left < 2500);
  assert.equal(await clientOf(two), client);
  assert.ok(second.settings.rateLimit > before.rateLimit * 1.1, 'what one learned the other knows');
  second.close();
  const forgotten = run(one, 'profile', 'forget', client as string);
  assert.equal(forgotten.status, 0, forgotten.stderr);
  await until(async () => {
    const [{ profile }] = JSON.parse(run(two, 'profile', 'export', client as string).stdout);
    return profile === null;
  }, 20_000);
  await server.down();
  const cached = await open(two, 'echo', elsewhere);
  await cached.request(text('still served'));
  assert.equal(await two.metric('tidegate_profile_store_up'), 0);
});

test('a data folder that another host holds is a clear error', limit, async () => {
  const host = await start();
  const { status, stderr } = run(host, 'serve', '--port', '0', '--admin-port', '0');
  assert.equal(status, 2);
  assert.match(stderr, /is held by process \d+/);
});

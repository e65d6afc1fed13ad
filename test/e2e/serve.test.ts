import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { certificateHash } from '../../src/host/certificate/certificate-source.js';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';
import type { SessionDetail } from '../../src/host/session-details.js';
import { exchange, sleep, TestClient, until } from '../support/client.js';
import { CLI, HostProcess } from '../support/host-process.js';

let host: HostProcess;
let client: TestClient;

before(async () => {
  host = await HostProcess.start();
  client = await TestClient.create(host);
});

after(async () => {
  await client?.close();
  await host?.dispose();
});

const sessions = () => host.admin<SessionDetail[]>('/sessions');

/** Runs the CLI to its end. */
async function run(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stderr: string; stdout: string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, ...env },
    cwd: tmpdir(),
    timeout: 30_000,
  });
  let stderr = '';
  let stdout = '';
  child.stderr.on('data', (text) => (stderr += text));
  child.stdout.on('data', (text) => (stdout += text));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, stderr, stdout };
}

test('echo: datagrams and a large stream come back', async () => {
  const opened = await client.open(`${host.url}/echo`);
  await client.ping(opened);
  const stream = opened.session.openStream(true);
  assert.ok(stream);
  const bytes = Buffer.alloc(700_000, 'tidegate');
  const back = await exchange(stream, bytes, () => client.flush());
  assert.equal(back.equals(bytes), true);
  opened.http3.close();
});

test('a client that comes back gets settings learned from its first session', async () => {
  const url = `${host.url}/echo?client=learner`;
  const first = await client.open(url);
  const [before] = (await sessions()).filter(({ function: id }) => id === 'echo');
  for (let i = 0; i < 150; i++) {
    for (let k = 0; k < 4; k++) first.session.sendDatagram(Buffer.alloc(1000));
    client.flush();
    await sleep(10);
  }
  first.session.close();
  client.flush();
  await until(async () => (await sessions()).length === 0);
  const second = await client.open(url);
  const [learned] = await sessions();
  assert.equal(learned.client, before.client);
  assert.equal(learned.profile.sessionsSeen, 1);
  assert.notEqual(learned.profile.predictedDataRate, before.profile.predictedDataRate);
  // The settings of the second session are set before a byte of its data.
  assert.equal(learned.counts.bytesIn, 0);
  assert.notEqual(learned.settings.bufferSize, before.settings.bufferSize);
  assert.equal(learned.settings.bufferSize, Math.round(learned.profile.predictedDataRate * 2));
  assert.ok(learned.profile.historicalData.length > 0);
  second.http3.close();
});

test('another client of the same network keeps a profile of its own', async () => {
  const a = await client.open(`${host.url}/sink?client=a`);
  const b = await client.open(`${host.url}/sink?client=b`);
  const clients = new Set((await sessions()).map(({ client: pseudonym }) => pseudonym));
  assert.equal(clients.size, 2);
  for (const opened of [a, b]) opened.http3.close();
  client.flush();
  await until(async () => (await sessions()).length === 0);
});

test('datagrams over the limit are dropped and counted, streams over it wait and lose nothing', async () => {
  const policy = { minRateLimit: 100_000, maxRateLimit: 100_000, minBurst: 20_000, burstSeconds: 0.1 };
  const limited = await HostProcess.configured({ policy });
  const own = await TestClient.create(limited);
  try {
    const opened = await own.open(`${limited.url}/echo`);
    for (let i = 0; i < 100; i++) opened.session.sendDatagram(Buffer.alloc(1000));
    own.flush();
    await sleep(300);
    const [{ counts }] = await limited.admin<SessionDetail[]>('/sessions');
    assert.ok(counts.dropped >= 50, `${counts.dropped} dropped`);
    assert.ok(opened.recorder.datagrams.length >= 19);
    await limited.metricIs('tidegate_datagrams_dropped_total', counts.dropped);
    const stream = opened.session.openStream(true);
    assert.ok(stream);
    const started = performance.now();
    const back = await exchange(stream, Buffer.alloc(150_000, 1), () => own.flush());
    assert.equal(back.length, 150_000);
    assert.ok(performance.now() - started > 1000, 'the bucket held it back');
    opened.http3.close();
  } finally {
    await own.close();
    await limited.dispose();
  }
});

test('limits follow a rate that changes slowly, not only one that jumps', async () => {
  const drifting = await HostProcess.configured({
    tick: 0.05,
    policy: { minRateLimit: 1000 },
    prediction: { enabled: false },
  });
  const own = await TestClient.create(drifting);
  try {
    const opened = await own.open(`${drifting.url}/sink`);
    const started = performance.now();
    for (let sent = 0; performance.now() - started < 4000; sent += 500) {
      opened.session.sendDatagram(Buffer.alloc(sent < 20_000 ? 200 : 800));
      own.flush();
      await sleep(20);
    }
    await sleep(200);
    const [{ settings, profile }] = await drifting.admin<SessionDetail[]>('/sessions');
    const wanted = profile.predictedDataRate * 4;
    assert.ok(Math.abs(settings.rateLimit - wanted) < wanted * 0.15, `${settings.rateLimit}, where ${wanted} is right`);
    opened.http3.close();
  } finally {
    await own.close();
    await drifting.dispose();
  }
});

test('observe mode counts what it would have dropped and drops nothing', async () => {
  const observing = await HostProcess.configured({
    policy: { minRateLimit: 10, maxRateLimit: 10, minBurst: 10 },
    mode: 'observe',
  });
  const own = await TestClient.create(observing);
  try {
    const opened = await own.open(`${observing.url}/echo`);
    await own.ping(opened);
    for (let i = 0; i < 50; i++) opened.session.sendDatagram(Buffer.alloc(500));
    own.flush();
    await until(() => opened.recorder.datagrams.length >= 50);
    const [{ counts }] = await observing.admin<SessionDetail[]>('/sessions');
    assert.ok(counts.dropped >= 50);
    opened.http3.close();
  } finally {
    await own.close();
    await observing.dispose();
  }
});

test('an unknown function is 404, an origin that is not listed 403', async () => {
  await assert.rejects(client.open(`${host.url}/nothing`), /refused with status 404/);
  const strict = await HostProcess.configured({ allowedOrigins: ['https://good.example'] });
  const own = await TestClient.create(strict);
  try {
    await assert.rejects(
      own.open(`${strict.url}/echo`, [['origin', 'https://bad.example']]),
      /refused with status 403/,
    );
    (await own.open(`${strict.url}/echo`, [['origin', 'https://good.example']])).http3.close();
  } finally {
    await own.close();
    await strict.dispose();
  }
});

test('the admin listener tells health, readiness, metrics and sessions, and nobody else', async () => {
  assert.equal(await host.admin('/healthz'), 'ok\n');
  const ready = await host.admin<{ ready: boolean; certificateHash: string }>('/readyz');
  assert.equal(ready.ready, true);
  assert.equal(ready.certificateHash, host.hash);
  const metrics = await host.admin<string>('/metrics');
  assert.match(metrics, /tidegate_sessions_opened_total\{shard="0"\} \d/);
  assert.match(metrics, /process_cpu_seconds_total/);
  const [, end] = /^tidegate_certificate_not_after_seconds (\d+)/m.exec(metrics) ?? [];
  assert.ok(Number(end) > Date.now() / 1000 + 86_400);
  const url = host.adminUrl;
  assert.equal((await fetch(`${url}/nothing`)).status, 404);
  assert.equal((await fetch(`${url}//`)).status, 404, 'what is no path');
  assert.equal((await fetch(`${url}/sessions`, { method: 'POST' })).status, 405);
  const { request } = await import('node:http');
  const status = await new Promise((resolve) => {
    request(`${url}/sessions`, { headers: { host: 'rebound.example' } }, (response) =>
      resolve(response.statusCode),
    ).end();
  });
  assert.equal(status, 421);
});

test('SIGTERM tells sessions, lets them end, and exits with 0; new ones are refused meanwhile', async () => {
  const draining = await HostProcess.start(['--drain-timeout', '5']);
  const own = await TestClient.create(draining);
  try {
    const opened = await own.open(`${draining.url}/echo`);
    const stopped = draining.stop('SIGTERM');
    await until(() => opened.recorder.draining);
    await own.ping(opened);
    const started = performance.now();
    opened.session.close(3, 'bye');
    own.flush();
    assert.equal(await stopped, 0);
    assert.ok(performance.now() - started < 3000, 'it does not wait for the timeout once the last session ended');
  } finally {
    await own.close();
    await draining.dispose();
  }
});

test('a second signal ends at once', async () => {
  const draining = await HostProcess.start(['--drain-timeout', '60']);
  const own = await TestClient.create(draining);
  try {
    const opened = await own.open(`${draining.url}/echo`);
    void draining.stop('SIGTERM');
    await until(() => opened.recorder.draining);
    const started = performance.now();
    assert.equal(await draining.stop('SIGTERM'), 1);
    assert.ok(performance.now() - started < 2000);
  } finally {
    await own.close();
    await draining.dispose();
  }
});

test('certificate files are followed without losing sessions', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const put = async () => {
    const pair = await createSelfSigned(['127.0.0.1'], new Date(Date.now() - 60_000));
    writeFileSync(key, pair.privateKey);
    writeFileSync(cert, pair.certificate);
    return certificateHash(pair.certificate);
  };
  const first = await put();
  const own = await HostProcess.start(['--cert', cert, '--key', key]);
  const old = await TestClient.create(own);
  try {
    assert.equal(own.hash, first);
    const opened = await old.open(`${own.url}/echo`);
    const second = await put();
    own.child.kill('SIGHUP');
    await until(async () => (await own.admin<{ certificateHash: string }>('/readyz')).certificateHash === second);
    await sleep(100);
    await assert.rejects(old.open(`${own.url}/echo`), /certificate has the hash/);
    const fresh = await TestClient.create(own, { certificateHashes: [second] });
    await fresh.ping(await fresh.open(`${own.url}/echo`));
    await fresh.close();
    await old.ping(opened);
    opened.http3.close();
  } finally {
    await old.close();
    await own.dispose();
  }
});

test('the same keys after a restart: pseudonyms stay, old connections are reset', async () => {
  const first = await HostProcess.start();
  const own = await TestClient.create(first);
  const opened = await own.open(`${first.url}/echo?client=x`);
  const [{ client: before }] = await first.admin<SessionDetail[]>('/sessions');
  await first.stop('SIGKILL');
  const second = await HostProcess.start(['--port', new URL(first.url).port], { folder: first.folder });
  try {
    assert.equal(second.hash, first.hash);
    opened.session.sendDatagram(Buffer.alloc(100));
    own.flush();
    await until(async () => (await second.metric('tidegate_stateless_resets_sent_total')) > 0);
    const again = await own.open(`${second.url}/echo?client=x`);
    const [{ client: after }] = await second.admin<SessionDetail[]>('/sessions');
    assert.equal(after, before);
    again.http3.close();
  } finally {
    await own.close();
    await second.dispose();
  }
});

test('--supervise starts a killed host again', async () => {
  const own = await HostProcess.start(['--supervise']);
  try {
    const { pid } = own;
    assert.notEqual(pid, own.child.pid);
    let second = '';
    own.child.stdout?.on('data', (text: Buffer) => (second += text));
    process.kill(pid, 'SIGKILL');
    await until(() => second.includes('\n'), 30_000, 'the second start');
    assert.notEqual(JSON.parse(second).pid, pid);
    assert.equal(await own.stop('SIGTERM'), 0);
  } finally {
    await own.dispose();
  }
});

test('what can not be is one line that says how to mend it, exit code 2', async () => {
  const { port } = new URL(host.url);
  const dir = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const bad = join(dir, 'bad.pem');
  writeFileSync(bad, 'nonsense');
  const config = join(dir, 'c.json');
  writeFileSync(config, '{"prot":1}');
  let folders = 0;
  const data = () => ['--data-dir', join(dir, `data${folders++}`), '--admin-port', '0'];
  const tcp = createServer();
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const taken = String((tcp.address() as AddressInfo).port);
  const keda = (files: object) => JSON.stringify({ keda: { port: Number(taken), ...files } });
  const cases: [string[], RegExp, NodeJS.ProcessEnv?][] = [
    [['serve', '--port', port, ...data()], /can't bind UDP 127\.0\.0\.1:\d+.*--port/],
    [['serve', '--port', taken, ...data()], /can't listen on TCP 127\.0\.0\.1:\d+.*--port/],
    [['serve', '--port', '0', '--cert', bad, '--key', bad, ...data()], /bad\.pem.*not readable PEM/],
    [['serve', '--port', '0', '--cert', join(dir, 'none'), '--key', bad, ...data()], /can't read --cert/],
    [['serve', '--prot', '1'], /unknown option '--prot'.*--port/s],
    [['serve', '--port', 'x'], /--port.*whole number/],
    [['serve', '--port', '99999', ...data()], /port is 99999/],
    [['serve', '--config', config], /unknown key prot/],
    [['serve', '--config', join(dir, 'none.json')], /can't use the config file/],
    [['serve', '--port', '0', ...data()], /TCP 127.+EADDRINUSE.*keda\.port/, { TIDEGATE_SCALING: keda({}) }],
    [['serve', '--port', '0', ...data()], /keda\.cert.*PEM/, { TIDEGATE_SCALING: keda({ cert: bad, key: bad }) }],
    [['demo', ...data().slice(0, 2), '--admin-port', taken], /can't listen on TCP 127.*--admin-port/],
    [['serve'], /unknown variable TIDEGATE_PROT/, { TIDEGATE_PROT: '1' }],
    [['serv'], /unknown command 'serv'.*serve/s],
    [['load', `${host.url}/nothing`, '--insecure', '--duration', '1'], /refused with status 404/],
    [['load', `${host.url}/echo`, '--duration', '1'], /certificate is not trusted: unknown_ca/],
    [['load', '127.0.0.1:4433/echo'], /is not an https URL/],
    [['load', `https://${'x'.repeat(64)}.invalid/echo`, '--insecure'], /getaddrinfo/],
    [['load', `${host.url}/echo`, '--sessions', '0'], /more than 0/],
    [['load', `${host.url}/echo`, '--insecure', '--replay', '/nowhere.csv'], /can't read \/nowhere\.csv/],
  ];
  const results = await Promise.all(cases.map(([args, , env]) => run(args, env)));
  tcp.close();
  results.forEach(({ code, stderr }, i) => {
    assert.match(stderr, cases[i][1]);
    assert.equal(code, 2, `${cases[i][0].join(' ')}: ${stderr}`);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
  });
});

test('load: datagrams, streams and a replay, with JSON', async () => {
  const base = ['load', `${host.url}/echo`, '--certificate-hash', host.hash, '--json'];
  const datagrams = await run([...base, '--sessions', '3', '--rate', '50', '--duration', '1']);
  const result = JSON.parse(datagrams.stdout.trim().split('\n').at(-1) as string);
  assert.equal(result.sessions, 3);
  assert.ok(result.received > 100 && result.lost <= 2, datagrams.stdout);
  assert.ok(result.latency.p50 > 0 && result.latency.p99 < 1000);
  const streams = await run([
    ...base,
    '--kind',
    'streams',
    '--sessions',
    '2',
    '--rate',
    '20',
    '--size',
    '5000',
    '--duration',
    '1',
  ]);
  const streamed = JSON.parse(streams.stdout.trim().split('\n').at(-1) as string);
  assert.equal(streamed.lost, 0, streams.stdout);
  assert.ok(streamed.received >= 30);
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'r.csv');
  writeFileSync(file, 'flow,t_ms,dir,bytes\n1,0,0,100\n1,500,0,3000\n1,600,1,50\n2,0,0,20\n');
  const replayed = await run([...base, '--replay', file, '--speed', '10']);
  const played = JSON.parse(replayed.stdout.trim().split('\n').at(-1) as string);
  assert.deepEqual([played.sessions, played.sent, played.bytesSent, played.lost], [2, 3, 3120, 0]);
});

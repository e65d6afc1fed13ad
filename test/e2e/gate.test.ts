import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import type { LoadResult } from '../../src/cli/load/load-report.js';
import type { HostConfigInput } from '../../src/host/config.js';
import type { SessionDetail } from '../../src/host/session-details.js';
import type { WebTransportSession } from '../../src/http3/session.js';
import type { WebTransportStream } from '../../src/http3/stream.js';
import { exchange, Recorder, sleep, TestClient, until } from '../support/client.js';
import { CLI, HostProcess } from '../support/host-process.js';

const hosts: HostProcess[] = [];
const clients: TestClient[] = [];

after(async () => {
  for (const client of clients) await client.close();
  for (const host of hosts) await host.dispose();
});

async function start(config: HostConfigInput): Promise<HostProcess> {
  const host = await HostProcess.configured(config);
  hosts.push(host);
  return host;
}

async function clientOf(host: HostProcess): Promise<TestClient> {
  const client = await TestClient.create(host);
  clients.push(client);
  return client;
}

/** Limits that no prediction moves. */
const fixed = (rate: number, burst = rate) => ({
  minRateLimit: rate,
  maxRateLimit: rate,
  burstSeconds: burst / rate,
  minBurst: burst,
});

async function load(host: HostProcess, path: string, args: string[]): Promise<LoadResult> {
  const child = spawn(
    process.execPath,
    [CLI, 'load', `${host.url}${path}`, '--certificate-hash', host.hash, '--json', ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(text.trim().split('\n').at(-1) ?? '');
}

/** Keeps a stream full. Returns it. */
function flood(session: WebTransportSession, client: TestClient): WebTransportStream {
  const stream = session.openStream(false);
  assert.ok(stream !== null);
  const bytes = new Uint8Array(65_536);
  const write = (): void => {
    while (stream.write(bytes, false) === bytes.length);
    client.flush();
  };
  stream.handler = { ...stream.handler, onWritable: write };
  write();
  return stream;
}

test('one of 51 sessions floods at 20 times its limit: the others lose nothing', { timeout: 60_000 }, async () => {
  const host = await start({ policy: fixed(64 * 1024) });
  const others = ['--sessions', '50', '--rate', '20', '--duration', '5'];
  const flooding = ['--sessions', '1', '--rate', String(20 * 656), '--duration', '6'];
  const [neighbours, flooder] = await Promise.all([
    load(host, '/echo?client=neighbours', others),
    load(host, '/echo?client=flooder', flooding),
  ]);
  assert.equal(neighbours.failedSessions, 0);
  assert.ok(neighbours.sent > 4000);
  assert.ok(neighbours.lost <= neighbours.sent * 0.01, `${neighbours.lost} of ${neighbours.sent} lost`);
  assert.ok(flooder.received * 100 <= 64 * 1024 * (flooder.seconds + 1), `the flooder got ${flooder.received} back`);
  await until(async () => (await host.metric('tidegate_dropped_session_bytes_total')) > 10_000);
});

test('a session that waits for tokens does not hold up another on its connection', { timeout: 60_000 }, async () => {
  const host = await start({
    policy: { ...fixed(1e9), minPacketRate: 1e6 },
    functions: { sink: { in: { rate: 2000, burst: 2000 } } },
  });
  const client = await clientOf(host);
  const slow = await client.open(`${host.url}/sink`);
  const recorder = new Recorder();
  const head = {
    method: 'CONNECT',
    scheme: 'https',
    authority: new URL(host.url).host,
    path: '/echo',
    protocol: 'webtransport' as const,
    headers: {},
  };
  const second = await new Promise<WebTransportSession>((resolve, reject) => {
    const session = slow.http3.openSession(head, [], (status) => {
      if (status === 200 && session !== null) resolve(session);
      else reject(new Error(`status ${status}`));
    });
    if (session !== null) session.handler = recorder;
    client.flush();
  });
  flood(slow.session, client);
  await until(async () => (await host.metric('tidegate_waited_function_bytes_total')) > 0);
  // Two megabytes through the second session while the first one has taken its 2 KB.
  const stream = second.openStream(true);
  assert.ok(stream !== null);
  const back = await exchange(stream, Buffer.alloc(2_000_000, 3), () => client.flush());
  assert.equal(back.length, 2_000_000);
  const [sink] = (await host.admin<SessionDetail[]>('/sessions')).filter(({ function: id }) => id === 'sink');
  assert.ok(sink.counts.bytesIn <= 2000 + 2000 * (sink.openSeconds + 1));
  assert.ok(sink.counts.waited > 0);
});

test('a shard over capacity shares it among uploads; control of the rate is exact', { timeout: 60_000 }, async () => {
  const host = await start({
    shards: 1,
    policy: { ...fixed(1e9), minPacketRate: 1e6 },
    capacity: { in: { rate: 400_000, burst: 65_536 } },
  });
  const openings = ['a', 'b', 'c', 'd'].map(async (name) => {
    const client = await clientOf(host);
    const { session } = await client.open(`${host.url}/sink?client=${name}`);
    flood(session, client);
  });
  await Promise.all(openings);
  await sleep(3000);
  const sessions = await host.admin<SessionDetail[]>('/sessions');
  const bytes = sessions.map(({ counts }) => counts.bytesIn);
  const total = bytes.reduce((sum, one) => sum + one, 0);
  const seconds = Math.max(...sessions.map(({ openSeconds }) => openSeconds));
  assert.ok(total <= 65_536 + 400_000 * seconds, `${total} in ${seconds} s`);
  assert.ok(total >= 400_000 * seconds * 0.5, `${total} in ${seconds} s`);
  assert.ok(Math.min(...bytes) > Math.max(...bytes) / 2, bytes.join(', '));
  await until(async () => (await host.metric('tidegate_waited_shard_bytes_total')) > 0);
});

test('what goes to a client is held to its limit where that is asked for, and arrives whole', {
  timeout: 60_000,
}, async () => {
  const host = await start({ policy: { ...fixed(200_000, 50_000), limitOut: true } });
  const client = await clientOf(host);
  const { recorder } = await client.open(`${host.url}/source?bytes=300000`);
  const started = performance.now();
  await until(() => recorder.streams.length === 1);
  const [stream] = recorder.streams;
  const chunk = new Uint8Array(65_536);
  let received = 0;
  await until(() => {
    for (let length = stream.read(chunk); length >= 0; length = stream.read(chunk)) {
      received += length;
      if (stream.isReadDone) break;
    }
    client.flush();
    return stream.finished;
  });
  assert.equal(received, 300_000);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(received <= 50_000 + 200_000 * (seconds + 0.5));
  await until(async () => (await host.metric('tidegate_waited_session_bytes_total')) > 0);
});

test('/sessions shows features by name, and a client sees itself in them', { timeout: 60_000 }, async () => {
  const host = await start({});
  const client = await clientOf(host);
  const opened = await client.open(`${host.url}/echo`);
  for (let i = 0; i < 5; i++) await client.ping(opened);
  const [{ features, counts, settings }] = await host.admin<SessionDetail[]>('/sessions');
  assert.equal(Object.keys(features).length, 128);
  assert.ok(counts.packetsIn >= 5 && counts.packetsOut >= 5);
  assert.ok(Math.abs(Math.expm1(features['in.size.60s']) - 4) < 0.01, 'four bytes a ping');
  assert.ok(Math.abs(features['opening.size.1'] - Math.log1p(4)) < 1e-4);
  assert.ok(features['turn.count'] > 0);
  assert.equal(features['event.resets'], 0);
  assert.ok(settings.packetRate >= 1000);
});

test('events and waste are seen: streams, resets, and a connection whose packets carry little', {
  timeout: 60_000,
}, async () => {
  const host = await start({ tick: 0.1 });
  const client = await clientOf(host);
  const opened = await client.open(`${host.url}/sink`);
  const only = async () => (await host.admin<SessionDetail[]>('/sessions'))[0];
  for (let i = 0; i < 3; i++) {
    const stream = opened.session.openStream(false);
    assert.ok(stream !== null);
    stream.write(Buffer.alloc(10), false);
    client.flush();
    await sleep(50);
    stream.reset(7);
    client.flush();
  }
  await until(async () => (await only()).counts.resets === 3);
  const { counts, features } = await only();
  assert.equal(counts.streamsOpened, 3);
  assert.ok(Math.abs(features['event.resets'] - Math.log1p(3)) < 1e-4);
  // A byte a packet: some forty bytes of QUIC for each.
  await until(async () => {
    for (let i = 0; i < 20; i++) {
      opened.session.sendDatagram(Buffer.alloc(1));
      client.flush();
      await sleep(5);
    }
    return Math.expm1((await only()).features.wireRatio) > 10;
  });
});

test('a function that is not there has no limits', async () => {
  await assert.rejects(
    start({ functions: { nope: {} } }),
    /functions\.nope has no endpoint \(give it a module or an address; built in are echo/,
  );
  await assert.rejects(start({ capacity: { in: { rate: -5 } } }), /capacity.in.rate is -5/);
});

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import type { SessionDetail } from '../../src/host/session-details.js';
import { TestClient, until } from '../support/client.js';
import { HostProcess } from '../support/host-process.js';

const hosts: HostProcess[] = [];
const clients: TestClient[] = [];
after(async () => {
  for (const client of clients) await client.close();
  for (const host of hosts) await host.dispose();
});

async function start(args: string[], env: NodeJS.ProcessEnv = {}): Promise<HostProcess> {
  Object.assign(process.env, env);
  const host = await HostProcess.start(args);
  for (const name of Object.keys(env)) delete process.env[name];
  hosts.push(host);
  return host;
}

async function echo(host: HostProcess, url: string, ipv6: boolean): Promise<void> {
  const client = await TestClient.create(host, { ipv6 });
  clients.push(client);
  const opened = await client.open(`${url}/echo`);
  await client.ping(opened);
  opened.http3.close();
  client.flush();
}

test('IPv6 alone, and both on one socket', { timeout: 60_000 }, async () => {
  const six = await start(['--host', '::1']);
  assert.match(six.url, /^https:\/\/\[::1\]:\d+$/);
  await echo(six, six.url, true);
  const dual = await start(['--host', '::']);
  const { port } = new URL(dual.url);
  await echo(dual, `https://[::1]:${port}`, true);
  await echo(dual, `https://127.0.0.1:${port}`, false);
});

test('--qlog-dir writes a file a connection, SSLKEYLOGFILE the secrets', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-qlog-'));
  const keyLog = join(folder, 'keys.txt');
  const host = await start(['--qlog-dir', join(folder, 'qlog')], { SSLKEYLOGFILE: keyLog });
  await echo(host, host.url, false);
  await host.metricIs('tidegate_connections', 0);
  const [file] = readdirSync(join(folder, 'qlog'));
  const text = () => readFileSync(join(folder, 'qlog', file), 'utf8');
  await until(() => text().includes('quic:connection_closed'));
  const records = text()
    .split('\x1e')
    .filter((record) => record !== '')
    .map((record) => JSON.parse(record));
  assert.equal(records[0].file_schema, 'urn:ietf:params:qlog:file:sequential');
  assert.deepEqual(
    records.slice(1).map(({ name }) => name),
    ['quic:connection_started', 'quic:connection_state_updated', 'recovery:metrics_updated', 'quic:connection_closed'],
  );
  assert.match(readFileSync(keyLog, 'utf8'), /^CLIENT_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]+$/m);
});

test('a WebSocket on the same port opens a session at the same functions', { timeout: 60_000 }, async () => {
  const host = await start([]);
  const options = { rejectUnauthorized: false };
  const socket = new WebSocket(`${host.url.replace('https', 'wss')}/echo`, ['webtransport_kDraft1'], options);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  await host.metricIs('tidegate_sessions', 1);
  const [detail] = await host.admin<SessionDetail[]>('/sessions');
  assert.deepEqual([detail.function, detail.transport], ['echo', 'tcp']);
  socket.close();
  const refused = new WebSocket(`${host.url.replace('https', 'wss')}/nothing`, ['webtransport_kDraft1'], options);
  await new Promise<void>((resolve) => refused.once('error', () => resolve()).once('close', () => resolve()));
  await host.metricIs('tidegate_sessions', 0);
  assert.equal(host.isAlive, true);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FunctionSession, OpenOptions } from '../../src/client/index.js';
import type { HostConfigInput } from '../../src/host/config.js';
import { sealIdentities } from '../../src/host/keys.js';
import { SocketHost } from '../../src/host/socket-host.js';
import { openFunction } from '../support/function-client.js';

const folders: string[] = [];
const hosts: SocketHost[] = [];
const sessions: FunctionSession[] = [];
after(async () => {
  for (const session of sessions) session.close();
  for (const host of hosts) await host.close(0);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const moduleOf = (name: string): string => fileURLToPath(new URL(`../support/functions/${name}.js`, import.meta.url));
const greeter = moduleOf('greeter');
const troublesome = moduleOf('troublesome');

async function start(config: HostConfigInput): Promise<SocketHost> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-functions-'));
  folders.push(dataDir);
  const host = new SocketHost({
    port: 0,
    shards: 1,
    dataDir,
    store: 'memory',
    prediction: { enabled: false },
    ...config,
  });
  hosts.push(host);
  await host.start();
  return host;
}

async function open(host: SocketHost, path: string, options: OpenOptions = {}): Promise<FunctionSession> {
  const session = await openFunction({ url: host.url, hash: host.certificateHash }, path, options);
  sessions.push(session);
  return session;
}

const text = (value: string) => new TextEncoder().encode(value);
const json = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));

test('a function of a module: told of the open, invoked on data, replies on streams and datagrams', async () => {
  const host = await start({ functions: { greet: { endpoint: greeter, parameters: { colour: 'blue' } } } });
  const session = await open(host, 'greet');
  const { settings } = session;
  assert.ok(settings.rateLimit > 0 && settings.bufferSize > 0, JSON.stringify(settings));
  const answer = json(await session.request(text('hello')));
  assert.equal(answer.kind, 'stream');
  assert.deepEqual([answer.said, answer.parameters, answer.sealedTo], [['hello'], { colour: 'blue' }, null]);
  const datagrams = session.datagrams();
  const next = datagrams.next();
  const timer = setInterval(() => void session.sendDatagram(text('quick')), 50);
  const { value } = await next;
  clearInterval(timer);
  assert.equal(json(value as Uint8Array).kind, 'datagram');
});

test('messages are sealed to the host where a function says so', async () => {
  const host = await start({
    functions: { sealed: { endpoint: greeter, seal: { from: 0 } } },
  });
  const hosts = await sealIdentities(join(host.config.dataDir, 'keys.json'));
  const session = await open(host, 'sealed', { pins: { hosts } });
  await new Promise((resolve) => session.on('challenge', resolve) && setTimeout(resolve, 300));
  assert.equal(session.isSealed, true);
  const answer = json(await session.request(text('secret')));
  assert.deepEqual([answer.said, answer.sealedTo], [['secret'], 'host']);
});

test('a handler that throws, hangs or returns rubbish ends its own message', async () => {
  const host = await start({ functions: { trouble: { endpoint: troublesome, deadlineMs: 200 } } });
  const session = await open(host, 'trouble');
  for (const what of ['throw', 'reject', 'hang', 'rubbish']) await assert.rejects(session.request(text(what)), what);
  assert.equal(new TextDecoder().decode(await session.request(text('nothing'))), 'did nothing');
});

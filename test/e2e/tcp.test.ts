import assert from 'node:assert/strict';
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { SessionDetail } from '../../src/host/session-details.js';
import { sleep, TestClient, until } from '../support/client.js';
import { HostProcess } from '../support/host-process.js';

const CONNECT = `
import { WebTransport, quicheLoaded } from '@fails-components/webtransport';
const [url, hash, reliable] = process.argv.slice(2);
await quicheLoaded;
const transport = new WebTransport(url, {
  serverCertificateHashes: [{ algorithm: 'sha-256', value: Buffer.from(hash, 'hex') }],
  forceReliable: reliable === 'true',
});
transport.closed.catch(() => {});
await transport.ready;
`;
// The library's own client, over TCP and over HTTP/3, in a process as a user would start it.
const EXCHANGE = `const writer = transport.datagrams.createWritable().getWriter();
const reader = transport.datagrams.readable.getReader();
const timer = setInterval(() => writer.write(Buffer.from('ping')).catch(() => {}), 50);
const { value } = await reader.read();
clearInterval(timer);
const { readable, writable } = await transport.createBidirectionalStream();
const sending = (async () => {
  const w = writable.getWriter();
  for (let i = 0; i < 30; i++) await w.write(new Uint8Array(10000).fill(i));
  await w.close();
})();
let received = 0;
for await (const chunk of readable) received += chunk.length;
await sending;
const uni = (await transport.createUnidirectionalStream()).getWriter();
await uni.write(Buffer.from('one way'));
await uni.close();
const { value: back } = await transport.incomingUnidirectionalStreams.getReader().read();
let text = '';
for await (const chunk of back) text += Buffer.from(chunk);
process.stdout.write(JSON.stringify({ datagram: Buffer.from(value).toString(), received, text, reliability: transport.reliability }));
transport.close();
setTimeout(() => process.exit(0), 100);
`;
/** The library's client for browsers, on a WebSocket of Node's maker. */
const BROWSER = `
import { Agent, WebSocket } from 'undici';
const [url] = process.argv.slice(2);
const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
globalThis.navigator ??= {};
globalThis.WebSocket = class extends WebSocket {
  constructor(address, protocols) {
    super(address, { protocols, dispatcher });
  }
};
const { WebTransportPonyfill } = await import(new URL('./index.browser.js', import.meta.resolve('@fails-components/webtransport')));
const transport = new WebTransportPonyfill(url);
transport.closed.catch(() => {});
await transport.ready;
`;
// More streams, one after the other, than may be open at once.
const MANY = `let echoed = 0;
for (let i = 0; i < 250; i++) {
  const { readable, writable } = await transport.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode('stream ' + i));
  await writer.close();
  let text = '';
  for await (const chunk of readable) text += Buffer.from(chunk);
  if (text === 'stream ' + i) echoed++;
}
process.stdout.write(JSON.stringify({ echoed }));
transport.close();
setTimeout(() => process.exit(0), 100);
`;
// Writes for some seconds without an end, and says how much was taken.
const UPLOAD = `const writer = (await transport.createUnidirectionalStream()).getWriter();
let taken = 0;
(async () => {
  for (;;) {
    await writer.write(new Uint8Array(16384));
    taken += 16384;
  }
})().catch(() => {});
setTimeout(() => {
  process.stdout.write(JSON.stringify({ taken }));
  process.exit(0);
}, 4000);
`;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const register = fileURLToPath(new URL('../../transport/register.js', import.meta.url));
// Takes what it is sent, until it is stopped.
const DOWNLOAD = `import { connect } from 'node:http2';
const settings = { initialWindowSize: 2 ** 31 - 1, customSettings: { 0x2b61: 2 ** 30, 0x2b62: 2 ** 30, 0x2b64: 1 } };
const connection = connect(process.argv[2], { rejectUnauthorized: false, settings });
connection.on('remoteSettings', () => {
  connection.setLocalWindowSize(2 ** 30);
  const stream = connection.request({
    ':method': 'CONNECT',
    ':protocol': 'webtransport',
    ':scheme': 'https',
    ':path': '/source?bytes=1000000000000',
  });
  stream.on('data', (chunk) => process.send?.(chunk.length));
});
`;
/** Scripts for clients, beside the register hook, from where they find the library. */
const scripts = {
  exchange: CONNECT + EXCHANGE,
  many: CONNECT + MANY,
  upload: CONNECT + UPLOAD,
  download: DOWNLOAD,
  browserExchange: BROWSER + EXCHANGE,
  browserMany: BROWSER + MANY,
};
const fileOf = (name: keyof typeof scripts): string => join(dirname(register), `library-${name}.tmp.mjs`);
const expected = { datagram: 'ping', received: 300_000, text: 'one way' };

function runClient(host: HostProcess, reliable: boolean): Record<string, unknown> {
  return runScript('exchange', `${host.url}/echo`, host, reliable);
}

function runScript(
  name: keyof typeof scripts,
  url: string,
  host: HostProcess,
  reliable: boolean,
): Record<string, unknown> {
  const args = ['--import', register, fileOf(name), url, host.hash, String(reliable)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 30_000 });
  assert.match(stdout, /^\{/, stderr);
  return JSON.parse(stdout);
}

const hosts: HostProcess[] = [];
before(() => {
  for (const [name, text] of Object.entries(scripts)) writeFileSync(fileOf(name as keyof typeof scripts), text);
});
after(async () => {
  for (const host of hosts) await host.dispose();
});

test('HTTP/2 on the same port: the library client without UDP meets the same functions and gate', {
  timeout: 60_000,
}, async () => {
  const host = await HostProcess.start();
  hosts.push(host);
  const { reliability, ...result } = runClient(host, true);
  assert.deepEqual(result, expected);
  assert.equal(reliability, 'reliable-only');
  await host.metricIs('tidegate_sessions_opened_total', 1);
  await host.metricIs('tidegate_sessions', 0);
});

test('WebSocket on the same port: the library client for browsers', { timeout: 60_000 }, async () => {
  const host = await HostProcess.start();
  hosts.push(host);
  const { reliability, ...result } = runScript('browserExchange', `${host.url}/echo`, host, true);
  assert.deepEqual(result, expected);
  assert.equal(reliability, 'reliable-only');
  await host.metricIs('tidegate_sessions_opened_total', 1);
  await host.metricIs('tidegate_sessions', 0);
});

test('over TCP a session may open more streams than may be open at once', { timeout: 60_000 }, async () => {
  const host = await HostProcess.start();
  hosts.push(host);
  for (const name of ['many', 'browserMany'] as const) {
    assert.deepEqual(runScript(name, `${host.url}/echo`, host, true), { echoed: 250 }, name);
  }
});

test('tidegate/register: the library client speaks HTTP/3 to the host', { timeout: 60_000 }, async () => {
  const host = await HostProcess.start();
  hosts.push(host);
  const { reliability, ...result } = runClient(host, false);
  assert.deepEqual(result, expected);
  assert.equal(reliability, 'supports-unreliable');
});

test('--engine fails-components serves HTTP/3 through the library, behind the same gate', {
  timeout: 60_000,
}, async () => {
  const host = await HostProcess.start(['--engine', 'fails-components']);
  hosts.push(host);
  const client = await TestClient.create(host);
  try {
    const opened = await client.open(`${host.url}/echo`);
    await client.ping(opened);
    const [detail] = await host.admin<SessionDetail[]>('/sessions');
    assert.equal(detail.function, 'echo');
    assert.ok(detail.counts.bytesIn >= 4);
    opened.http3.close();
    await host.metricIs('tidegate_sessions', 0);
    await assert.rejects(client.open(`${host.url}/nothing`), /404/);
  } finally {
    await client.close();
  }
  assert.equal(await host.stop(), 0, host.stderr);
});

test('TCP connections beyond `maxConnections` are closed', { timeout: 30_000 }, async () => {
  const host = await HostProcess.configured({ maxConnections: 3, shards: 1 });
  hosts.push(host);
  const port = Number(new URL(host.url).port);
  const sockets = Array.from({ length: 5 }, () => connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }));
  let closed = 0;
  let secure = 0;
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.on('secureConnect', () => secure++);
    socket.on('close', () => closed++);
  }
  await until(() => closed === 2 && secure === 3);
  for (const socket of sockets) socket.destroy();
});

test('a TCP connection that asks for nothing ends with the idle timeout', { timeout: 30_000 }, async () => {
  const host = await HostProcess.configured({ idleTimeout: 1 });
  hosts.push(host);
  const connection = connectHttp2(host.url, { rejectUnauthorized: false });
  let closed = false;
  connection.on('error', () => {});
  connection.on('close', () => {
    closed = true;
  });
  await until(() => closed, 15_000, 'its end');
});

// Without a limit, and so with more to send than the network takes: node:http2 does not hear then that its peer is gone.
test('a client that vanishes in the middle of a download is let go', { timeout: 30_000 }, async () => {
  const host = await HostProcess.configured({ idleTimeout: 2, mode: 'observe' });
  hosts.push(host);
  const client = fork(fileOf('download'), [host.url]);
  await once(client, 'message');
  client.kill('SIGSTOP');
  await host.metricIs('tidegate_sessions', 1);
  await sleep(1000);
  client.kill('SIGKILL');
  await host.metricIs('tidegate_sessions', 0);
});

for (const { over, args, reliable } of [
  { over: 'TCP', args: [], reliable: true },
  { over: 'HTTP/3 through the library', args: ['--engine', 'fails-components'], reliable: false },
]) {
  test(`what a session's limit leaves unread stays with its client, over ${over}`, { timeout: 60_000 }, async () => {
    const host = await HostProcess.start(args);
    hosts.push(host);
    const { taken } = runScript('upload', `${host.url}/sink`, host, reliable);
    // A new client has some 256 KB/s; what waits beside that is bounded by the windows.
    assert.ok(Number(taken) > 200_000 && Number(taken) < 6_000_000, `${taken} bytes in 4 s`);
  });
}

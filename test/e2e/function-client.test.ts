import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadFallback } from '../../src/client/fallback.js';
import { FunctionSession, type SessionError } from '../../src/client/index.js';
import { sleep, until } from '../support/client.js';
import { Tokens } from '../support/function-client.js';
import { FunctionHosts, text, textOf } from '../support/function-host.js';
import { HostProcess } from '../support/host-process.js';

const hosts = new FunctionHosts();
const processes: HostProcess[] = [];
after(async () => {
  await hosts.dispose();
  for (const host of processes) await host.dispose();
});
const limit = { timeout: 150_000 };

test('a client whose host dies comes back to the next one, and is known again', limit, async () => {
  const first = await HostProcess.start();
  processes.push(first);
  const tokens = new Tokens();
  const client = hosts.keepOpen(first, 'echo', { firstWaitMs: 100, mostWaitMs: 500, tokens });
  const downs: Error[] = [];
  client.on('down', ({ error }) => downs.push(error));
  assert.equal(textOf(await client.request(text('one'))), 'one');
  const [{ client: before }] = await first.admin<{ client: string }[]>('/sessions');
  await first.stop('SIGKILL');
  const second = await HostProcess.start(['--port', new URL(first.url).port], { folder: first.folder });
  processes.push(second);
  await until(() => downs.length > 0, 90_000, 'the break');
  assert.equal(textOf(await client.request(text('two'))), 'two');
  const [{ client: again }] = await second.admin<{ client: string }[]>('/sessions');
  assert.equal(again, before);
  client.close();
  await assert.rejects(client.request(text('three')), { code: 'closed' });
});

test('where the host drains the client moves on, and what is under way is answered', limit, async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-moves-'));
  const slow = join(import.meta.dirname, '../support/functions/troublesome.js');
  const config = { dataDir, functions: { slow: { endpoint: slow } } };
  const one = await hosts.start(config);
  const client = hosts.keepOpen({ url: one.url, hash: one.certificateHash }, 'slow', { firstWaitMs: 50 });
  const opened: FunctionSession[] = [];
  client.on('session', (session) => opened.push(session));
  assert.equal(textOf(await client.request(text('nothing'))), 'did nothing');
  const underWay = client.request(text('sleep 700'));
  await sleep(100);
  const closed = one.close(5);
  assert.equal(textOf(await underWay), 'did sleep');
  await closed;
  await hosts.start({ ...config, port: one.port });
  assert.equal(textOf(await client.request(text('nothing'))), 'did nothing');
  assert.equal(opened.length, 2);
});

test('a host that drains may say where to go', limit, async () => {
  const next = await hosts.start({});
  const host = await hosts.start({ drainTo: next.url });
  const hash = [host.certificateHash, next.certificateHash];
  const client = hosts.keepOpen({ url: host.url, hash }, 'echo', { firstWaitMs: 50 });
  assert.equal(textOf(await client.request(text('here'))), 'here');
  await host.close(5);
  assert.equal(textOf(await client.request(text('there'))), 'there');
  await until(() => next.shards.totals().sessions === 1);
});

test('what asking again will not change ends the client', limit, async () => {
  const host = await hosts.start({ functions: { pair: { endpoint: 'peer' } } });
  const client = hosts.keepOpen({ url: host.url, hash: host.certificateHash }, 'pair');
  const failed = new Promise<Error>((resolve) => client.on('failed', resolve));
  assert.equal(((await failed) as { code?: string }).code, 'function-refused');
  await assert.rejects(client.session(), { code: 'function-refused' });
});

test('a name that two have is asked for again until it is free', limit, async () => {
  const host = await hosts.start({ functions: { pair: { endpoint: 'peer' } } });
  const open = () => hosts.keepOpen(host, 'pair?name=table', { firstWaitMs: 20, mostWaitMs: 200 });
  const [ann, bob] = [open(), open()];
  await Promise.all([ann.session(), bob.session()]);
  await until(() => host.shards.totals().sessions === 2);
  const late = open();
  const codes = new Set<string>();
  // Let in and closed at once: told of while it opens, or of the session.
  late.on('down', ({ error }) => codes.add((error as SessionError).code));
  await until(() => codes.has('peer-taken'));
  ann.close();
  // Bob's session ends with hers; he comes again, and so does the other.
  const heard = (async () => {
    for await (const datagram of bob.datagrams()) if (textOf(datagram) === 'late') return;
  })();
  const telling = setInterval(() => void late.sendDatagram(text('late')).catch(() => {}), 50);
  await heard;
  clearInterval(telling);
});

test('without a WebTransport of its own a client falls back to TCP', limit, async () => {
  const host = await hosts.start({});
  const session = await FunctionSession.open(`${host.url}/echo`, {
    tokens: null,
    fallback: loadFallback,
    serverCertificateHashes: [
      { algorithm: 'sha-256', value: new Uint8Array(Buffer.from(host.certificateHash, 'hex')) },
    ],
  });
  assert.equal(textOf(await session.request(text('over TCP'))), 'over TCP');
  const [{ transport }] = await host.sessions();
  assert.equal(transport, 'tcp');
  session.close();
  await assert.rejects(FunctionSession.open(`${host.url}/echo`, { tokens: null }), { code: 'no-transport' });
});

test('over TCP streams come whole, and with their end, however they are cut on the way', limit, async () => {
  const host = await hosts.start({ functions: { pair: { endpoint: 'peer' } } });
  const serverCertificateHashes = [
    { algorithm: 'sha-256', value: new Uint8Array(Buffer.from(host.certificateHash, 'hex')) },
  ];
  const open = (path: string) =>
    FunctionSession.open(`${host.url}/${path}`, { tokens: null, fallback: loadFallback, serverCertificateHashes });
  const source = await open('source?bytes=33000');
  const { value } = await source.transport.incomingUnidirectionalStreams.getReader().read();
  assert.equal((await new Response(value).arrayBuffer()).byteLength, 33_000);
  source.close();
  const [ann, bob] = [await open('pair?name=a'), await open('pair?name=a')];
  void (async () => {
    for await (const { readable, writable } of bob.transport.incomingBidirectionalStreams) {
      readable.pipeTo(writable).catch(() => {});
    }
  })().catch(() => {});
  const bytes = new Uint8Array(100_000).fill(7);
  assert.deepEqual(await ann.request(bytes), bytes);
  ann.close();
});

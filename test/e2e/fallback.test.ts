import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { loadFallback } from '../../src/client/fallback.js';
import type * as Client from '../../src/client/index.js';
import { ChromiumPage, noChromium } from '../support/chromium.js';
import { until } from '../support/client.js';
import { openFunction } from '../support/function-client.js';
import { FunctionHosts, moduleOf, text, textOf } from '../support/function-host.js';
import { HostProcess } from '../support/host-process.js';
import { WithoutUdp } from '../support/without-udp.js';

const hosts = new FunctionHosts();
const paths: WithoutUdp[] = [];
after(async () => {
  await hosts.dispose();
  for (const path of paths) path.close();
});

async function withoutUdp(url: string): Promise<string> {
  const path = await WithoutUdp.before(url);
  paths.push(path);
  return path.url;
}

/** SHA-256 of the public key of whom answers there, as Chromium wants it. */
async function publicKeyHash(port: number): Promise<string> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' }) ?? '';
  socket.destroy();
  return createHash('sha256').update(key).digest('base64');
}

test('where UDP does not get through a client comes over TCP', { timeout: 60_000 }, async () => {
  const host = await hosts.start({});
  const place = { url: await withoutUdp(host.url), hash: host.certificateHash };
  const fallback = { fallback: loadFallback, fallbackAfterMs: 200 };
  const session = await openFunction(place, 'echo', fallback);
  assert.equal(textOf(await session.request(text('around'))), 'around');
  assert.deepEqual(
    (await host.sessions()).map(({ transport }) => transport),
    ['tcp'],
  );
  session.close();
  // Where it does, the fallback isn't needed.
  const direct = await openFunction({ ...place, url: host.url }, 'echo', fallback);
  assert.equal(textOf(await direct.request(text('straight'))), 'straight');
  direct.close();
});

test('a client over TCP whose connection breaks comes again', { timeout: 60_000 }, async () => {
  const host = await hosts.start({});
  const path = await WithoutUdp.before(host.url);
  paths.push(path);
  const often = { webTransport: await loadFallback(), firstWaitMs: 20, mostWaitMs: 100 };
  const client = hosts.keepOpen({ url: path.url, hash: host.certificateHash }, 'echo', often);
  const failures: Error[] = [];
  client.on('failed', (error) => failures.push(error));
  for (let i = 0; i < 3; i++) {
    const session = await client.session();
    assert.equal(textOf(await session.request(text(`again ${i}`))), `again ${i}`);
    const closed = session.transport.closed.then(
      () => 'closed',
      () => 'lost',
    );
    const down = new Promise<unknown>((resolve) => client.on('down', resolve).on('failed', resolve));
    path.reset();
    await down;
    assert.equal(await closed, 'lost');
  }
  assert.deepEqual(failures, []);
});

test('over TCP a session may be closed before it is open, and twice', { timeout: 60_000 }, async () => {
  const host = await HostProcess.start();
  try {
    const OverTcp = await loadFallback();
    const serverCertificateHashes = [{ algorithm: 'sha-256', value: Buffer.from(host.hash, 'hex') }];
    const open = () => new OverTcp(`${host.url}/echo`, { serverCertificateHashes });
    const [early, twice] = [open(), open()];
    early.close();
    await Promise.all([early.ready, twice.ready]);
    twice.close({ closeCode: 3 });
    twice.close();
    await early.closed;
    assert.equal((await twice.closed).closeCode, 3);
    await host.metricIs('tidegate_sessions_closed_total', 2);
  } finally {
    await host.dispose();
  }
});

test('over TCP no request outlives its session, though the host drained before it closed', {
  timeout: 60_000,
}, async () => {
  const host = await hosts.start({
    functions: { trouble: { endpoint: moduleOf('troublesome'), receive: { when: 'end' } } },
  });
  const session = await hosts.open(host, 'trouble', { webTransport: await loadFallback() });
  const listened = session.datagrams().next();
  const asked = assert.rejects(session.request(text('hang')), /Session closed/);
  await until(async () => (await host.sessions())[0]?.counts.bytesIn > 0);
  await host.close(0);
  await asked;
  assert.equal((await listened).done, true);
  assert.equal((await session.transport.closed).closeCode, 0);
});

test('Chromium: where UDP does not get through the client library comes over WebSocket', {
  skip: noChromium,
  timeout: 90_000,
}, async () => {
  const host = await HostProcess.start();
  const url = await withoutUdp(host.url);
  const chromium = await ChromiumPage.open([await publicKeyHash(Number(new URL(host.url).port))]);
  try {
    const complaints: string[] = [];
    chromium.page.on('console', (message) => complaints.push(message.text()));
    const answers = await chromium.page.evaluate(async (at) => {
      const paths = ['/src/client/index.js', '/src/client/fallback.js'];
      const [{ FunctionSession }, { loadFallback: load }] = (await Promise.all(paths.map((path) => import(path)))) as [
        typeof Client,
        { loadFallback: typeof loadFallback },
      ];
      const own = WebTransport;
      const session = await FunctionSession.open(`${at}/echo`, { fallback: load, fallbackAfterMs: 500 });
      const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
      const back = await session.request(bytes);
      const datagrams = session.datagrams();
      const [, datagram] = await Promise.all([session.sendDatagram(new Uint8Array([1, 2, 3])), datagrams.next()]);
      session.close();
      await session.transport.closed;
      return {
        isSame: back.length === bytes.length && back.every((byte, i) => byte === bytes[i]),
        datagram: [...(datagram.value as Uint8Array)],
        isKept: WebTransport === own,
        isOwn: session.transport instanceof WebTransport,
      };
    }, url);
    assert.deepEqual(answers, { isSame: true, datagram: [1, 2, 3], isKept: true, isOwn: false });
    // The library asks a stranger for a session as it loads, and Chromium tells of it.
    assert.doesNotMatch(complaints.join('\n'), /example\.com/);
    await host.metricIs('tidegate_sessions', 0);
    assert.equal(await host.metric('tidegate_malformed_total'), 0);
  } finally {
    await chromium.close();
    await host.dispose();
  }
});

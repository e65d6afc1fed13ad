import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ChromiumPage, noChromium } from '../support/chromium.js';
import { HostProcess } from '../support/host-process.js';

let host: HostProcess;
let chromium: ChromiumPage;

before(async () => {
  if (noChromium !== false) return;
  host = await HostProcess.start();
  chromium = await ChromiumPage.open();
});

after(async () => {
  await chromium?.close();
  await host?.dispose();
});

const options = { skip: noChromium, timeout: 60_000 };

test('Chromium: datagrams are echoed', options, async () => {
  const echoed = await chromium.page.evaluate(
    async ([url, hash]) => {
      const transport = new WebTransport(`${url}/echo`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      await transport.ready;
      const writer = transport.datagrams.writable.getWriter();
      const reader = transport.datagrams.readable.getReader();
      // Datagrams may be lost: sent until one comes back.
      const timer = setInterval(() => void writer.write(new TextEncoder().encode('ping')), 50);
      const { value } = await reader.read();
      clearInterval(timer);
      transport.close();
      return new TextDecoder().decode(value);
    },
    [host.url, host.hashBytes] as const,
  );
  assert.equal(echoed, 'ping');
});

test('Chromium: a connection goes soon after its session, though the browser says nothing', options, async (t) => {
  // Its own: what other tests' sessions did may not be counted yet.
  const own = await HostProcess.start();
  t.after(async () => await own.dispose());
  await chromium.page.evaluate(
    async ([url, hash]) => {
      const transport = new WebTransport(`${url}/echo`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      await transport.ready;
      transport.close();
    },
    [own.url, own.hashBytes] as const,
  );
  await own.metricIs('tidegate_sessions_closed_total', 1);
  assert.ok((await own.metric('tidegate_connections')) > 0);
  // Left alone it would stay for the idle timeout, which is longer than this waits.
  await own.metricIs('tidegate_connections', 0);
});

test('Chromium: a bidirectional stream of 1 MB is echoed whole', options, async () => {
  const result = await chromium.page.evaluate(
    async ([url, hash]) => {
      const transport = new WebTransport(`${url}/echo`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      await transport.ready;
      const { readable, writable } = await transport.createBidirectionalStream();
      const sent = new Uint8Array(1_000_000).map((_, i) => i % 251);
      const writer = writable.getWriter();
      const writing = writer.write(sent).then(() => writer.close());
      let received = 0;
      let wrong = 0;
      const reader = readable.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        for (const byte of value as Uint8Array) if (byte !== received++ % 251) wrong++;
      }
      await writing;
      transport.close();
      return { received, wrong };
    },
    [host.url, host.hashBytes] as const,
  );
  assert.deepEqual(result, { received: 1_000_000, wrong: 0 });
});

test('Chromium: a unidirectional stream comes back on one of the server', options, async () => {
  const text = await chromium.page.evaluate(
    async ([url, hash]) => {
      const transport = new WebTransport(`${url}/echo`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      await transport.ready;
      const writer = (await transport.createUnidirectionalStream()).getWriter();
      await writer.write(new TextEncoder().encode('one way'));
      await writer.close();
      const { value: stream } = await transport.incomingUnidirectionalStreams.getReader().read();
      const result = await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
      transport.close();
      return result;
    },
    [host.url, host.hashBytes] as const,
  );
  assert.equal(text, 'one way');
});

test('Chromium: source sends the bytes asked for', options, async () => {
  const received = await chromium.page.evaluate(
    async ([url, hash]) => {
      const transport = new WebTransport(`${url}/source?bytes=300000`, {
        serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
      });
      await transport.ready;
      const { value: stream } = await transport.incomingUnidirectionalStreams.getReader().read();
      const { byteLength } = await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer();
      transport.close();
      return byteLength;
    },
    [host.url, host.hashBytes] as const,
  );
  assert.equal(received, 300_000);
});

test('Chromium: an unknown function and a wrong hash are refused', options, async () => {
  const outcome = await chromium.page.evaluate(
    async ([url, hash]) => {
      const attempt = async (path: string, value: number[]) => {
        const transport = new WebTransport(url + path, {
          serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(value) }],
        });
        transport.closed.catch(() => {});
        return await transport.ready.then(
          () => 'open',
          () => 'refused',
        );
      };
      return [await attempt('/nothing', hash as number[]), await attempt('/echo', new Array(32).fill(0))];
    },
    [host.url, host.hashBytes] as const,
  );
  assert.deepEqual(outcome, ['refused', 'refused']);
});

test('Chromium: a drained host closes the session with its reason', options, async () => {
  const own = await HostProcess.start(['--drain-timeout', '1']);
  try {
    const closed = chromium.page.evaluate(
      async ([url, hash]) => {
        const transport = new WebTransport(`${url}/echo`, {
          serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(hash as number[]) }],
        });
        await transport.ready;
        document.title = 'connected';
        return await transport.closed;
      },
      [own.url, own.hashBytes] as const,
    );
    await chromium.page.waitForFunction(() => document.title === 'connected');
    assert.equal(await own.stop(), 0);
    const { closeCode, reason } = await closed;
    assert.deepEqual({ closeCode, reason }, { closeCode: 0, reason: 'host closes' });
  } finally {
    await own.dispose();
  }
});

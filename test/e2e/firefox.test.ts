import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FirefoxPage, noFirefox } from '../support/firefox.js';
import { HostProcess } from '../support/host-process.js';

let host: HostProcess;
let firefox: FirefoxPage;

before(async () => {
  if (noFirefox !== false) return;
  host = await HostProcess.start();
  firefox = await FirefoxPage.open();
});

after(async () => {
  await firefox?.close();
  await host?.dispose();
});

const options = { skip: noFirefox, timeout: 60_000 };
const connect = (path: string) => `
  const transport = new WebTransport('${host.url}${path}', {
    serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(${JSON.stringify(host.hashBytes)}) }],
  });
  transport.closed.catch(() => {});
  await transport.ready;`;

test('Firefox: datagrams are echoed', options, async () => {
  const text = await firefox.evaluate(`async () => {
    ${connect('/echo')}
    const datagrams = transport.datagrams;
    const writer = (datagrams.writable ?? datagrams.createWritable()).getWriter();
    const reader = datagrams.readable.getReader();
    const timer = setInterval(() => writer.write(new TextEncoder().encode('ping')).catch(() => {}), 50);
    const { value } = await reader.read();
    clearInterval(timer);
    transport.close();
    return new TextDecoder().decode(value);
  }`);
  assert.equal(text, 'ping');
});

test('Firefox: bidirectional and unidirectional streams are echoed whole', options, async () => {
  const result = await firefox.evaluate(`async () => {
    ${connect('/echo')}
    const { readable, writable } = await transport.createBidirectionalStream();
    const writer = writable.getWriter();
    const writing = (async () => {
      for (let i = 0; i < 30; i++) await writer.write(new Uint8Array(10000).fill(i));
      await writer.close();
    })();
    let received = 0;
    const reader = readable.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) received += part.value.length;
    await writing;
    const uni = (await transport.createUnidirectionalStream()).getWriter();
    await uni.write(new TextEncoder().encode('one way'));
    await uni.close();
    const { value: back } = await transport.incomingUnidirectionalStreams.getReader().read();
    const parts = [];
    const backReader = back.getReader();
    for (let part = await backReader.read(); !part.done; part = await backReader.read()) parts.push(...part.value);
    transport.close();
    return JSON.stringify({ received, text: new TextDecoder().decode(new Uint8Array(parts)) });
  }`);
  assert.deepEqual(JSON.parse(result), { received: 300_000, text: 'one way' });
});

test('Firefox: an unknown function is refused', options, async () => {
  const outcome = await firefox.evaluate(`async () => {
    try {
      ${connect('/nothing')}
      return 'open';
    } catch {
      return 'refused';
    }
  }`);
  assert.equal(outcome, 'refused');
});

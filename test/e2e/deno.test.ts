import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HostProcess } from '../support/host-process.js';

const deno = fileURLToPath(new URL('../../../node_modules/.bin/deno', import.meta.url));
const works = existsSync(deno) && spawnSync(deno, ['--version']).status === 0;
const skip = works ? false : 'Deno is not installed (npm package deno)';

let host: HostProcess;
before(async () => {
  if (works) host = await HostProcess.start();
});
after(async () => await host?.dispose());

// Deno 2.9 sends no FIN when a writer is closed (denoland/deno issue 36822): bytes are counted, ends not waited for.
const SCRIPT = `
const [url, hex] = Deno.args;
const value = new Uint8Array(hex.match(/../g).map((byte) => parseInt(byte, 16)));
const transport = new WebTransport(url + '/echo', { serverCertificateHashes: [{ algorithm: 'sha-256', value }] });
await transport.ready;
const writer = transport.datagrams.writable.getWriter();
const reader = transport.datagrams.readable.getReader();
const timer = setInterval(() => writer.write(new TextEncoder().encode('ping')).catch(() => {}), 50);
const { value: datagram } = await reader.read();
clearInterval(timer);
const { readable, writable } = await transport.createBidirectionalStream();
const sending = (async () => {
  const w = writable.getWriter();
  for (let i = 0; i < 50; i++) await w.write(new Uint8Array(10000).fill(i));
  await w.close();
})();
let received = 0;
for await (const chunk of readable) if ((received += chunk.length) === 500000) break;
await sending;
const uni = (await transport.createUnidirectionalStream()).getWriter();
await uni.write(new TextEncoder().encode('one way'));
await uni.close();
const { value: back } = await transport.incomingUnidirectionalStreams.getReader().read();
let text = '';
for await (const chunk of back) if ((text += new TextDecoder().decode(chunk)).length === 7) break;
transport.close({ closeCode: 5, reason: 'done' });
console.log(JSON.stringify({ datagram: new TextDecoder().decode(datagram), received, text }));
Deno.exit(0);
`;

test('Deno (quinn): datagrams and both kinds of streams', { skip, timeout: 60_000 }, () => {
  const script = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'client.js');
  writeFileSync(script, SCRIPT);
  const args = ['run', '--quiet', '--no-config', '--allow-net', '--unstable-net', script, host.url, host.hash];
  const { stdout, stderr } = spawnSync(deno, args, {
    encoding: 'utf8',
    timeout: 50_000,
    env: { ...process.env, DENO_NO_UPDATE_CHECK: '1' },
  });
  assert.deepEqual(JSON.parse(stdout || 'null'), { datagram: 'ping', received: 500_000, text: 'one way' }, stderr);
});

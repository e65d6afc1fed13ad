/**
 * One stream up, one shard: bytes a second of ours against a bare sink on the binding alone; and over HTTP/2, where the library's own
 * server is beside it.
 */
import { certificateHash } from '../src/host/certificate/certificate-source.js';
import { createSelfSigned } from '../src/host/certificate/self-signed.js';
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);

interface Result {
  megabytes: number;
  cpu: number;
}

async function measure(server: Child, client: Child, bytes: (state: never) => number): Promise<Result> {
  await sleep(700);
  const before = await server.ask<{ cpu: number }>();
  await sleep(SECONDS * 1000);
  const after = await server.ask<{ cpu: number }>();
  client.stop();
  server.stop();
  const moved = bytes(after as never) - bytes(before as never);
  return { megabytes: moved / SECONDS / 1e6, cpu: (after.cpu - before.cpu) / (moved / 1e6) };
}

const { certificate, privateKey } = await createSelfSigned(['127.0.0.1'], new Date(Date.now() - 3_600_000));
const pair = [certificate, privateKey].map((text) => Buffer.from(text).toString('base64'));

async function bare(): Promise<Result> {
  const server = await Child.start<{ port: number }>('./bare-sink.js', pair);
  const client = await Child.start('./upload-client.js', [String(server.hello.port)]);
  return await measure(server.child, client.child, (state: { received: number }) => state.received);
}

async function library(): Promise<Result> {
  const server = await Child.start<{ port: number }>('./library-sink.js', pair);
  const url = `https://127.0.0.1:${server.hello.port}`;
  const client = await Child.start('./upload-client-http2.js', [url, certificateHash(certificate)]);
  return await measure(server.child, client.child, (state: { bytesIn: number }) => state.bytesIn);
}

async function ours(module: string): Promise<Result> {
  const server = await Child.start<{ url: string; hash: string }>('./bench-host.js', ['1', 'tcp']);
  const client = await Child.start(module, [server.hello.url, server.hello.hash]);
  return await measure(server.child, client.child, (state: { bytesIn: number }) => state.bytesIn);
}

const rows: Record<string, Result[]> = {
  'bare sink': [],
  'host, HTTP/3': [],
  'host, HTTP/2': [],
  'library, HTTP/2': [],
};
for (let round = 0; round < ROUNDS; round++) {
  rows['bare sink'].push(await bare());
  rows['host, HTTP/3'].push(await ours('./upload-client.js'));
  rows['host, HTTP/2'].push(await ours('./upload-client-http2.js'));
  rows['library, HTTP/2'].push(await library());
}
const middle = (name: string, of: keyof Result) => median(rows[name].map((result) => result[of]));
for (const [name, results] of Object.entries(rows)) {
  const spread = results.map(({ megabytes }) => megabytes.toFixed(0)).join(', ');
  const milliseconds = middle(name, 'cpu') / 1000;
  console.log(
    `${name.padEnd(16)} ${middle(name, 'megabytes').toFixed(0)} MB/s (${spread}), ${milliseconds.toFixed(2)} ms of CPU a MB`,
  );
}
const ratio = (a: string, b: string, of: keyof Result) => `${((middle(a, of) / middle(b, of)) * 100).toFixed(0)} %`;
console.log(`host over bare sink       ${ratio('host, HTTP/3', 'bare sink', 'megabytes')}`);
console.log(`host over library, HTTP/2 ${ratio('host, HTTP/2', 'library, HTTP/2', 'megabytes')}`);
console.log(`CPU a MB, of the library  ${ratio('host, HTTP/2', 'library, HTTP/2', 'cpu')}`);

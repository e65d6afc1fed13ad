/** Over long lines: how soon a session is open, and how fast one stream goes each way, of what the line carries. */
import { NodeClient } from '../src/client/node-client.js';
import { SILENT_SESSION } from '../src/http3/session.js';
import { Child, sleep } from './support/children.js';
import { uploadWithoutEnd } from './support/endless-upload.js';

const SECONDS = Number(process.env.SECONDS_EACH ?? 5);
/** What slow start takes, and is not measured. */
const WARM_UP_MS = 3000;

interface Line {
  name: string;
  delay: number;
  megabits: number;
  queue: number;
  loss: number;
}

const LINES: readonly Line[] = [
  { name: 'city, 10 ms, 100 Mbit/s', delay: 5, megabits: 100, queue: 256, loss: 0 },
  { name: 'continent, 50 ms, 50 Mbit/s', delay: 25, megabits: 50, queue: 256, loss: 0 },
  { name: 'ocean, 100 ms, 200 Mbit/s', delay: 50, megabits: 200, queue: 2048, loss: 0 },
  { name: 'mobile, 50 ms, 20 Mbit/s, 1 % lost', delay: 25, megabits: 20, queue: 128, loss: 0.01 },
];

/** Mbit/s of a count of bytes over some seconds. */
async function rateOf(bytes: () => Promise<number>): Promise<number> {
  await sleep(WARM_UP_MS);
  const before = await bytes();
  const since = performance.now();
  await sleep(SECONDS * 1000);
  return ((await bytes()) - before) / 125 / (performance.now() - since);
}

async function measure({ name, delay, megabits, queue, loss }: Line): Promise<void> {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js', ['1']);
  const { url, hash } = host.hello;
  const args = [new URL(url).port, delay, megabits, queue, loss].map(String);
  const link = await Child.start<{ port: number }>('./slow-link.js', args);
  const target = `https://127.0.0.1:${link.hello.port}`;
  const client = await NodeClient.create({ certificateHashes: [hash] });
  const asked = performance.now();
  await client.connect(`${target}/echo`, SILENT_SESSION);
  const openAfter = performance.now() - asked;
  await uploadWithoutEnd(client, `${target}/sink`);
  const up = await rateOf(async () => (await host.child.ask<{ bytesIn: number }>()).bytesIn);
  await client.close();

  const reader = await NodeClient.create({ certificateHashes: [hash] });
  let received = 0;
  const into = new Uint8Array(65536);
  await reader.connect(`${target}/source?bytes=60000000000`, {
    ...SILENT_SESSION,
    onStream: (stream) => {
      const onReadable = (): void => {
        for (let length = stream.read(into); length > 0; length = stream.read(into)) received += length;
      };
      stream.handler = { ...stream.handler, onReadable };
    },
  });
  const down = await rateOf(async () => received);
  await reader.close();
  host.child.stop();
  link.child.stop();
  const share = (rate: number): string => `${rate.toFixed(0)} Mbit/s (${((rate / megabits) * 100).toFixed(0)} %)`;
  console.log(
    `${name.padEnd(36)} open after ${openAfter.toFixed(0)} ms, ${(openAfter / 2 / delay).toFixed(1)} round trips; up ${share(up)}, down ${share(down)}`,
  );
}

for (const line of LINES) await measure(line);
process.exit(0);

import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { exchange, type Opened, sleep, TestClient } from '../support/client.js';
import { seeded } from '../support/seeded.js';

const register = new URL('../../transport/register.js', import.meta.url).href;
const script = fileURLToPath(new URL('../support/dropin-server.js', import.meta.url));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill();
});

/** Opens streams and ends them in all ways, while bytes are on the way, too. */
async function rage({ session }: Opened, flush: () => void, random: () => number): Promise<void> {
  const below = (most: number): number => Math.floor(random() * most);
  for (let i = 0; i < 80; i++) {
    const stream = session.openStream(random() < 0.7);
    if (stream === null) {
      await sleep(5);
      continue;
    }
    const end = (how: number): void => {
      if (how & 1) stream.reset(below(100));
      if (how & 2 && stream.bidirectional) stream.stopSending(below(100));
    };
    stream.write(Buffer.alloc(1 + below(30_000)), random() < 0.4);
    if (random() < 0.5) end(below(4));
    else setTimeout(() => end(below(4)), below(20));
    flush();
    if (random() < 0.5) await sleep(below(5));
  }
}

test('streams that peers reset and stop as they like do not end a server of the drop-in', {
  timeout: 60_000,
}, async () => {
  const child = fork(script, { execArgv: ['--import', register], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  children.push(child);
  let errors = '';
  child.stderr?.on('data', (text) => {
    errors += text;
  });
  const died = once(child, 'exit').then(() => Promise.reject(new Error(`the server ended: ${errors}`)));
  died.catch(() => {});
  const [{ port, hash }] = await once(child, 'message');
  const url = `https://127.0.0.1:${port}/echo`;
  const visit = async (seed: number): Promise<void> => {
    const random = seeded(seed);
    for (let i = 0; i < 6; i++) {
      const client = await TestClient.create({ hash });
      await rage(await client.open(url), () => client.flush(), random);
      await client.close();
    }
  };
  await Promise.race([died, Promise.all([visit(1), visit(2), visit(3)])]);
  const client = await TestClient.create({ hash });
  const { session } = await client.open(url);
  const stream = session.openStream(true);
  assert.ok(stream);
  const bytes = Buffer.alloc(100_000, 'x');
  assert.deepEqual(await Promise.race([died, exchange(stream, bytes, () => client.flush())]), bytes);
  await client.close();
});

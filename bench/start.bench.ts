/** From `tidegate serve` in an empty folder to `/readyz` with the base model loaded, against Node running nothing. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { median, sleep } from './support/children.js';

const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
const ROUNDS = 9;
const MOST_MS = 20_000;
/** Looking costs the one that starts, on a small machine. */
const LOOK_MS = 20;

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await once(server.close(), 'close');
  return port;
}

async function isLoaded(port: number): Promise<boolean> {
  try {
    const response = get({ host: '127.0.0.1', port, path: '/readyz' });
    const [message] = (await once(response, 'response')) as [IncomingMessage];
    const { prediction } = (await json(message)) as { prediction: { model: string | null } };
    return prediction.model !== null;
  } catch {
    return false;
  }
}

/** ms from the start of the process. */
async function startOnce(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-start-'));
  const port = await freePort();
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [CLI, 'serve', '--port', '0', '--admin-port', String(port), '--data-dir', folder],
    { stdio: 'ignore' },
  );
  while (!(await isLoaded(port))) {
    if (performance.now() - start > MOST_MS) throw new Error('the host does not get ready');
    await sleep(LOOK_MS);
  }
  const spent = performance.now() - start;
  child.kill('SIGKILL');
  await once(child, 'exit');
  rmSync(folder, { recursive: true, force: true });
  return spent;
}

const [ours, node]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  ours.push(await startOnce());
  const start = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  node.push(performance.now() - start);
}
const [least, most] = [Math.min(...ours), Math.max(...ours)].map((ms) => (ms / 1000).toFixed(2));
console.log(`ready, model and all: median ${(median(ours) / 1000).toFixed(2)} s (${least} to ${most})`);
console.log(`Node alone: ${(median(node) / 1000).toFixed(2)} s; ratio ${(median(ours) / median(node)).toFixed(1)}`);

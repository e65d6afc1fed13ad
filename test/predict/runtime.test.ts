import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = new URL('../../src/', import.meta.url).href;

/** Runs a program in a home folder of its own. Returns what it left there, and what it said. */
function atHome(program: string): { left: string[]; said: string } {
  const home = mkdtempSync(join(tmpdir(), 'tidegate-home-'));
  // These silence the runtime too; the tests' own process may have it silenced already.
  const { CI: _, ORT_DISABLE_TELEMETRY: __, XDG_CACHE_HOME: ___, ...env } = process.env;
  const args = ['--input-type=module', '--eval', program];
  const { stderr, status } = spawnSync(process.execPath, args, {
    env: { ...env, HOME: home },
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(status, 0, stderr);
  const cache = join(home, '.cache');
  const left = existsSync(cache) ? readdirSync(cache, { recursive: true }).map(String) : [];
  rmSync(home, { recursive: true });
  return { left, said: stderr };
}

const MODEL = `
  import { Forecaster } from '${root}predict/index.js';
  import { BASE_MODEL } from '${root}predict/store/model-store.js';
  import { SessionTable } from '${root}core/session-table.js';
  import { readFileSync } from 'node:fs';
  const forecaster = await Forecaster.create(readFileSync(BASE_MODEL), new SessionTable().layout.features.length);
  await forecaster.release();`;

test('onnxruntime keeps nothing of what it saw for its maker: not in a process that runs a model', {
  timeout: 90_000,
}, () => {
  assert.deepEqual(atHome(MODEL).left, []);
});

test('nor in a host, whose model runs in another thread', { timeout: 90_000 }, () => {
  const { left } = atHome(`
    import { SocketHost } from '${root}host/socket-host.js';
    import { mkdtempSync } from 'node:fs';
    const dataDir = mkdtempSync(process.env.HOME + '/data-');
    const host = new SocketHost({ port: 0, tcp: false, tick: 0.1, shards: 1, store: 'memory', dataDir });
    await host.start();
    while (!(host.prediction.service?.status?.ticks > 2)) await new Promise((resolve) => setTimeout(resolve, 50));
    await host.close(0);`);
  assert.deepEqual(left, []);
});

test('a thread, which can not keep it from that, says so', { timeout: 90_000 }, () => {
  const { said } = atHome(`
    import { Worker } from 'node:worker_threads';
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(${JSON.stringify(MODEL)})));
    await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));`);
  assert.match(said, /ORT_DISABLE_TELEMETRY/);
});

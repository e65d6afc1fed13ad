import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { until } from '../support/client.js';
import { CLI } from '../support/host-process.js';

test('a host whose log nobody reads serves on, and tells what it dropped', {
  skip: process.platform !== 'linux' && 'pipes are opened again on Linux alone',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const fifo = join(folder, 'log');
  spawnSync('mkfifo', [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  const args = [CLI, 'serve', '--port', '0', '--admin-port', '0', '--json', '--data-dir', folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', writer] });
  try {
    const { adminUrl } = JSON.parse(String((await once(child.stdout as Readable, 'data'))[0])) as { adminUrl: string };
    const { token } = JSON.parse(readFileSync(join(folder, 'admin.json'), 'utf8')) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    // Each is logged: more than a pipe holds, and what waits in front of it.
    for (let i = 0; i < 900; i++) {
      const signal = AbortSignal.timeout(5000);
      const answer = await fetch(`${adminUrl}/actions/reload`, { method: 'POST', headers, signal });
      assert.equal(answer.status, 200);
      await answer.text();
    }
    let log = '';
    const chunk = Buffer.alloc(65_536);
    await until(() => {
      try {
        log += chunk.toString('utf8', 0, readSync(reader, chunk));
      } catch {
        // Nothing is there yet.
      }
      return log.includes('lines were dropped') && log.endsWith('\n');
    });
    for (const line of log.trim().split('\n')) JSON.parse(line);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  } finally {
    child.kill('SIGKILL');
    closeSync(reader);
    closeSync(writer);
  }
});

/** As process 1 of a namespace of its own, as in a container. */
const FIRST = ['unshare', '--pid', '--fork', '--kill-child'] as const;
const canBeFirst = spawnSync(FIRST[0], [...FIRST.slice(1), 'true']).status === 0;

test('a signal to stop is heard while the host starts, by process 1 of a container too', {
  skip: !canBeFirst && 'processes can not have namespaces of their own here',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const lock = join(folder, 'host.lock');
  // Of another container: a sign of life is waited for.
  writeFileSync(lock, JSON.stringify({ pid: 1, start: '1', host: 'another' }));
  const serve = [process.execPath, CLI, 'serve', '--port', '0', '--admin-port', '0', '--data-dir', folder];
  const child = spawn(FIRST[0], [...FIRST.slice(1), ...serve], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const children = `/proc/${child.pid}/task/${child.pid}/children`;
  await until(() => child.exitCode !== null || readFileSync(children, 'utf8') !== '');
  const inside = Number(readFileSync(children, 'utf8'));
  assert.ok(inside > 0);
  // Until it listens it hears nothing.
  const asking = setInterval(() => spawnSync('kill', [String(inside)]), 200);
  const [code] = await ended;
  clearInterval(asking);
  assert.equal(code, 0);
  assert.ok(existsSync(lock), 'which is of the other');
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HostProcess } from '../support/host-process.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const register = new URL('../../transport/register.js', import.meta.url).href;
const hosts: HostProcess[] = [];
after(async () => {
  for (const host of hosts) await host.dispose();
});

test('the example: a function in 20 lines, and a client that is known again', { timeout: 60_000 }, async () => {
  // Modules are named as seen from the folder that the host is started in.
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-example-'));
  cpSync(join(root, 'examples', 'counter.json'), join(folder, 'counter.json'));
  const host = await HostProcess.start(['--config', join(folder, 'counter.json')], { folder, cwd: root });
  hosts.push(host);
  const run = (...more: string[]) => {
    const args = ['--import', register, join(root, 'examples', 'client.js'), host.url, host.hash, ...more];
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const [first, second, token] = stdout.trim().split('\n');
    return { first: JSON.parse(first), second: JSON.parse(second), token: token.replace('token ', '') };
  };
  const once = run();
  assert.deepEqual([once.first.messages, once.second.messages, once.first.visitsBefore], [1, 2, 0]);
  assert.ok(once.first.rateLimit > 0 && once.first.bufferSize > 0);
  const again = run(once.token);
  assert.equal(again.first.visitsBefore, 1);
  rmSync(folder, { recursive: true, force: true });
});

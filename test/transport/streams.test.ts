import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const register = new URL('../../transport/register.js', import.meta.url).href;
const script = fileURLToPath(new URL('../support/many-streams.js', import.meta.url));

test('streams of the drop-in free their memory', { timeout: 120_000 }, () => {
  const args = ['--expose-gc', '--import', register, script, '5000'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000 });
  assert.match(stdout, /^\{/m, stderr);
  const { bytesEach } = JSON.parse(stdout);
  // With the library's own addon its users measured 11,600 (its issue 503).
  assert.ok(bytesEach < 300, `${bytesEach} bytes stay of each stream`);
});

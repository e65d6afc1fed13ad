import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCopy } from '../../src/quic/addon-copy.js';

const require = createRequire(import.meta.url);
const skip = process.platform === 'linux' && process.arch === 'x64' ? false : 'Linux x64 only';

test('each copy is an instance of its own, and leaves no file behind', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-copies-'));
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    const file = require.resolve('@matrixai/quic-linux-x64');
    const [one, other] = [loadCopy(file), loadCopy(file)] as Record<string, unknown>[];
    assert.ok(typeof one.Connection === 'function' && typeof other.Connection === 'function');
    assert.notEqual(one.Connection, other.Connection);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(folder, { recursive: true });
  }
});

test('a folder that is named takes the copy where no other will', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-copies-'));
  // In a process of its own, whose other folders are none.
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { mkdtempSync } = fs;
    fs.mkdtempSync = (prefix) => {
      if (!prefix.startsWith(${JSON.stringify(folder)})) throw new Error('for reading only');
      console.log(prefix);
      return mkdtempSync(prefix);
    };
    syncBuiltinESMExports();
    const { allowCopiesIn, loadCopy } = await import(${JSON.stringify(new URL('../../src/quic/addon-copy.js', import.meta.url).href)});
    allowCopiesIn(${JSON.stringify(folder)});
    if (typeof loadCopy(${JSON.stringify(require.resolve('@matrixai/quic-linux-x64'))}).Connection !== 'function') throw new Error('none');`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.deepEqual([status, stderr], [0, '']);
  assert.match(stdout, /tidegate-copies-/);
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

test('where no copy can be loaded the file itself is tried, with a warning', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  assert.throws(() => loadCopy('/nowhere/addon.node'), { code: 'MODULE_NOT_FOUND' });
  assert.match((await warned).message, /no copy of \/nowhere\/addon\.node could be loaded/);
});

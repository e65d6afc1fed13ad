import assert from 'node:assert/strict';
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

test('where no copy can be loaded the file itself is tried, with a warning', async () => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  assert.throws(() => loadCopy('/nowhere/addon.node'), { code: 'MODULE_NOT_FOUND' });
  assert.match((await warned).message, /no copy of \/nowhere\/addon\.node could be loaded/);
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const MOST = 8 * 1024;

test('the client library is at most 8 KB, gzipped without its comments, and needs nothing else', () => {
  const seen = new Map<string, string>();
  const queue = [fileURLToPath(new URL('../../src/client/index.js', import.meta.url))];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    const text = readFileSync(file, 'utf8');
    seen.set(file, text);
    for (const [, name] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      assert.match(name, /^\./, `${file} imports ${name}`);
      queue.push(resolve(dirname(file), name));
    }
  }
  const plain = [...seen.values()]
    .join('\n')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/^\s+/gm, '');
  const bytes = gzipSync(plain, { level: 9 }).length;
  assert.ok(bytes <= MOST, `${bytes} bytes`);
});

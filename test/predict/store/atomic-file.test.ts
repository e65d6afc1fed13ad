import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeAtomically } from '../../../src/predict/store/atomic-file.js';

test('a file is put in place whole, by one of several who write it; who may read it is so from its first byte', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'below', 'secret');
  const seen: number[] = [];
  const pieces = async function* (letter: string) {
    for (let i = 0; i < 50; i++) {
      for (const name of readdirSync(join(folder, 'below')))
        seen.push(statSync(join(folder, 'below', name)).mode & 0o777);
      yield letter.repeat(1000);
    }
  };
  await Promise.all(['a', 'b', 'c'].map((letter) => writeAtomically(path, pieces(letter), 0o600)));
  assert.match(readFileSync(path, 'utf8'), /^(a{50000}|b{50000}|c{50000})$/);
  assert.deepEqual([...new Set(seen)], [0o600]);
  // Also where there was one that all could read.
  chmodSync(path, 0o644);
  await writeAtomically(path, 'again', 0o600);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(folder, 'below')), ['secret']);
});

test('what can not be put in place leaves nothing behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'a', 'b'), { recursive: true });
  await assert.rejects(writeAtomically(join(folder, 'a'), 'text'));
  const failing = async function* () {
    yield 'half';
    throw new Error('no more');
  };
  writeFileSync(join(folder, 'c'), 'before');
  await assert.rejects(writeAtomically(join(folder, 'c'), failing()), /no more/);
  assert.equal(readFileSync(join(folder, 'c'), 'utf8'), 'before');
  assert.deepEqual(readdirSync(folder).sort(), ['a', 'c']);
});

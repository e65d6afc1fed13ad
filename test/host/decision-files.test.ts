import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DecisionFiles, linesIn } from '../../src/host/decision-files.js';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tidegate-lines-'));
  folders.push(made);
  return made;
}

async function all(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesIn(path)) lines.push(line);
  return lines;
}

test('a file that is large gives way to the next of its day; the oldest go where there is too much, or too old', async () => {
  const path = folder();
  const files = new DecisionFiles(path, { file: 30, all: 140 });
  for (let i = 0; i < 24; i++) {
    await files.append([`line ${String(i).padStart(2, '0')} of the first`], '2026-01-02');
    await files.prune('2026-01-01');
  }
  await files.append(['of the next day'], '2026-01-03');
  assert.ok(readdirSync(path).includes('2026-01-02-10.jsonl'), 'parts are numbers, not text');
  const lines = await all(path);
  assert.equal(lines.at(-1), 'of the next day');
  assert.deepEqual([...lines].sort(), lines, 'oldest first');
  assert.ok(lines.length >= 5 && lines.length <= 7, `${lines.length} lines within 140 bytes, and what came since`);
  await files.prune('2026-01-03');
  assert.deepEqual(await all(path), ['of the next day']);
});

test('lines are removed from the files that have them, however many there are', async () => {
  const path = folder();
  const files = new DecisionFiles(path);
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
  await files.append(lines, '2026-01-02');
  await files.append(['another'], '2026-01-03');
  const untouched = readFileSync(join(path, '2026-01-03.jsonl'));
  writeFileSync(join(path, 'notes.txt'), 'nothing of ours');
  await files.remove((line) => line.endsWith('7'));
  assert.deepEqual(await all(path), [...lines.filter((line) => !line.endsWith('7')), 'another']);
  assert.deepEqual(readFileSync(join(path, '2026-01-03.jsonl')), untouched);
  assert.deepEqual(readdirSync(path).sort(), ['2026-01-02.jsonl', '2026-01-03.jsonl', 'notes.txt']);
});

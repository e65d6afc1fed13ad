import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Duty } from '../../../src/predict/training/duty.js';

const script = `
  const { yieldToOthers } = await import(process.argv[1]);
  const { getPriority } = await import('node:os');
  const { readFileSync } = await import('node:fs');
  yieldToOthers();
  console.log(getPriority(), readFileSync('/proc/self/oom_score_adj', 'utf8').trim());
`;

test('whoever yields has the lowest priority, and is the first that goes where memory ends', {
  skip: process.platform !== 'linux' && 'that is of Linux',
}, () => {
  const module = new URL('../../../src/predict/training/duty.js', import.meta.url).href;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, module], { encoding: 'utf8' });
  assert.equal(child.stdout, '19 1000\n', child.stderr);
});

test('work keeps to its share of a processor', async () => {
  let now = 0;
  const duty = new Duty(0.5, () => now);
  now += 40;
  const before = performance.now();
  await duty.rest();
  assert.ok(performance.now() - before > 38);
});

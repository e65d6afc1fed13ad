import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { CLI } from '../support/host-process.js';

test('who reads may go after the first line: no stack is printed', async () => {
  const child = spawn(process.execPath, [CLI, 'load', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  // Before it writes: the pipe is broken by then.
  child.stdout.destroy();
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.deepEqual([errors, code], ['', 0]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogOutput } from '../../src/cli/log-output.js';
import { until } from '../support/client.js';

function failing(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/** A pipe that takes so many bytes until it is read. */
function pipe(room: number) {
  let text = '';
  let left = room;
  const output = new LogOutput(
    (bytes) => {
      if (left === 0) failing('EAGAIN');
      const taken = bytes.subarray(0, left);
      left -= taken.length;
      text += taken.toString();
      return taken.length;
    },
    (lines) => `dropped ${lines}\n`,
  );
  return {
    output,
    read: () => text,
    empty: () => {
      left = Number.POSITIVE_INFINITY;
    },
  };
}

test('lines are written as they come', () => {
  const { output, read } = pipe(100);
  output.write('one\n');
  output.write('two\n');
  assert.equal(read(), 'one\ntwo\n');
});

test('a pipe that is full is not waited for: lines come later, whole and in order', async () => {
  const { output, read, empty } = pipe(6);
  for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
  assert.equal(read(), 'one\ntw');
  empty();
  await until(() => read() === 'one\ntwo\nthree\n');
});

test('what does not fit is dropped by whole lines, and told', async () => {
  const { output, read, empty } = pipe(0);
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 70; i++) output.write(line);
  empty();
  await until(() => read().endsWith('dropped 6\n'));
  assert.equal(read(), `${line.repeat(64)}dropped 6\n`);
  output.write('on\n');
  assert.ok(read().endsWith('dropped 6\non\n'));
});

test('a pipe that nobody reads any more is no error', () => {
  const output = new LogOutput(() => failing('EPIPE'));
  output.write('one\n');
  output.write('two\n');
});

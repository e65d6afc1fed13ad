import assert from 'node:assert/strict';
import { test } from 'node:test';
import { destroyAfterRead } from '../../src/net/deferred-destroy.js';

test('what destroys a connection does so behind ticks and promises, with what it said', async () => {
  const ends: unknown[] = [];
  const connection = { destroy: (error?: Error, code?: number) => void ends.push([error?.message, code]) };
  destroyAfterRead(connection);
  connection.destroy(new Error('why'), 11);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  for (let i = 0; i < 100; i++) await Promise.resolve();
  assert.deepEqual(ends, []);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(ends, [['why', 11]]);
});

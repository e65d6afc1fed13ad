import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { destroyAfter } from '../../src/net/deadline.js';

test('a stream that takes too long is destroyed, one whose timer is cleared is not, and one that closes leaves no timer', async () => {
  const [late, spared, closed] = [new PassThrough(), new PassThrough(), new PassThrough()];
  clearTimeout(destroyAfter(spared, 10));
  const timer = destroyAfter(closed, 60_000);
  closed.destroy();
  await once(closed, 'close');
  const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  clearTimeout(timer);
  assert.equal(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length, timers, 'it was cleared');
  destroyAfter(late, 10);
  await once(late, 'close');
  assert.deepEqual([late.destroyed, spared.destroyed], [true, false]);
});

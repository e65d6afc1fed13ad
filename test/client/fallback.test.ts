import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFallback } from '../../src/client/fallback.js';

test('two that load the fallback at once leave the platform’s WebTransport as it was', async () => {
  class Own {}
  const own = Own as unknown as typeof WebTransport;
  globalThis.WebTransport = own;
  await Promise.all([loadFallback(), loadFallback()]);
  assert.equal(globalThis.WebTransport, own);
});

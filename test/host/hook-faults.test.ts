import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HookFaults } from '../../src/host/hook-faults.js';

test('all faults are counted, and one a minute and hook is logged', () => {
  const lines: [message: string, detail: Record<string, unknown>][] = [];
  let now = 0;
  const faults = new HookFaults(
    (_, message, detail) => lines.push([message, detail]),
    () => now,
  );
  for (now = 0; now <= 60_000; now += 1000) faults.note('identify', new Error('away'));
  faults.note('chooseSettings', 'thrown as it is');
  assert.deepEqual(lines, [
    ['identify failed: the client is known in the next best way', { error: 'away', times: 1 }],
    ['identify failed: the client is known in the next best way', { error: 'away', times: 61 }],
    ['chooseSettings failed: the socket has its usual settings', { error: 'thrown as it is', times: 1 }],
  ]);
  assert.deepEqual(faults.counts, { identify: 61, chooseSettings: 1, chooseEndpoint: 0 });
});

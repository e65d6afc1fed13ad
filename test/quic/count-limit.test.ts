import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CountLimit } from '../../src/quic/count-limit.js';
import { fuzzRuns } from '../support/fuzz.js';

test('in any interval no more pass than the burst and what the time adds, and who keeps to the rate always does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -50, max: 400 }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 50 }),
      (gaps, burst, perSecond) => {
        let now = 1000;
        let latest = now;
        const limit = new CountLimit(burst, perSecond, now);
        let passed = 0;
        for (const gap of gaps) {
          now += gap;
          latest = Math.max(latest, now);
          if (limit.take(latest)) passed++;
          assert.ok(passed <= burst + ((latest - 1000) / 1000) * perSecond + 1e-6);
        }
        const slow = new CountLimit(1, perSecond, 0);
        for (let i = 1; i < 50; i++) assert.ok(slow.take((i * 1000) / perSecond + i * 1e-6));
      },
    ),
    { numRuns: fuzzRuns(100) },
  );
});

test('a clock that goes back gives and takes nothing', () => {
  const limit = new CountLimit(2, 10, 1000);
  assert.deepEqual([limit.take(1000), limit.take(500), limit.take(400)], [true, true, false]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Pacer } from '../../src/client/pacer.js';
import { fuzzRuns } from '../support/fuzz.js';

test('without limits nothing waits', () => {
  const pacer = new Pacer(() => 0);
  assert.equal(pacer.take(1e12), 0);
});

test('the burst goes at once, what follows waits its turn, and idle time fills it up again', () => {
  let now = 0;
  const pacer = new Pacer(() => now);
  pacer.set(1000, 500);
  assert.equal(pacer.take(500), 0);
  assert.equal(pacer.take(100), 100);
  assert.equal(pacer.take(100), 200, 'behind what waits already');
  now = 10_000;
  assert.equal(pacer.take(500), 0);
  assert.equal(pacer.take(1), 1);
});

test('whoever waits as told never sends more than rate and burst allow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 100, max: 1e6 }),
      fc.integer({ min: 1, max: 1e5 }),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 0, max: 500 })), { maxLength: 50 }),
      (rate, burst, sends) => {
        let now = 0;
        const pacer = new Pacer(() => now);
        pacer.set(rate, burst);
        let sent = 0;
        for (const [bytes, pause] of sends) {
          now += pause;
          const goes = now + pacer.take(bytes);
          sent += bytes;
          assert.ok(sent <= burst + (goes / 1000) * rate + 1e-6 * sent + bytes * 1e-9, `${sent} by ${goes}`);
        }
      },
    ),
    { numRuns: fuzzRuns(200) },
  );
});

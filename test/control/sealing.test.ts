import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UnitWindow } from '../../src/control/sealing.js';

test('each number is taken once, and all that are not too old', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(50), fc.nat(20_000)), { maxLength: 300 }), (units) => {
      const window = new UnitWindow();
      const seen = new Set<number>();
      let highest = -1;
      for (const unit of units) {
        const isTaken = window.accept('stream', unit);
        if (seen.has(unit) || unit > highest - 4096) assert.equal(isTaken, !seen.has(unit), `${unit} after ${highest}`);
        if (isTaken) seen.add(unit);
        highest = Math.max(highest, unit);
      }
    }),
  );
});

test('a number that is far ahead costs no more than one that is next', () => {
  const window = new UnitWindow();
  assert.equal(window.accept('stream', Number.MAX_SAFE_INTEGER), true);
  assert.equal(window.accept('stream', Number.MAX_SAFE_INTEGER), false);
  assert.equal(window.accept('stream', 4095), false, 'it may have been there');
  assert.equal(window.accept('stream', 2 ** 60), false);
});

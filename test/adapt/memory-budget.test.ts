import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { budgetFor, easedShares, shareBudget } from '../../src/adapt/memory-budget.js';

const claim = fc.record({
  wanted: fc.integer({ min: 10, max: 1000 }),
  least: fc.integer({ min: 1, max: 10 }),
  need: fc.double({ min: 0, max: 1, noNaN: true }),
});

test('the sum keeps within the budget as far as what each keeps allows, and only the least needy give', () => {
  fc.assert(
    fc.property(fc.array(claim, { maxLength: 30 }), fc.nat(20_000), (claims, budget) => {
      const granted = shareBudget(claims, budget);
      const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
      const least = sum(claims.map((one) => one.least));
      assert.ok(sum(granted) <= Math.max(budget, least));
      for (const [i, bytes] of granted.entries()) assert.ok(bytes >= claims[i].least && bytes <= claims[i].wanted);
      if (sum(claims.map((one) => one.wanted)) <= budget)
        assert.deepEqual(
          granted,
          claims.map((one) => one.wanted),
        );
      // Who gave anything needs it no more than who gave nothing though it could.
      const gave = claims.filter((one, i) => granted[i] < one.wanted);
      const kept = claims.filter((one, i) => granted[i] === one.wanted && one.wanted > one.least);
      for (const one of gave) for (const other of kept) assert.ok(one.need <= other.need);
    }),
  );
});

test('a new session gets what is left, and never less than the least', () => {
  assert.equal(budgetFor(1000, 100, 0, 5000), 1000);
  assert.equal(budgetFor(1000, 100, 4500, 5000), 500);
  assert.equal(budgetFor(1000, 100, 6000, 5000), 100);
});

test('where shards hold more than the budget each gives the same share, down to four fifths of it', () => {
  assert.equal(easedShares([400, 600], 1000), null);
  assert.equal(easedShares([], 1000), null);
  assert.deepEqual(easedShares([600, 1000, 0], 1000), [300, 500, 0]);
});

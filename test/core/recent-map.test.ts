import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RecentMap } from '../../src/core/recent-map.js';

test('what was not used longest gives way, whatever is set and removed in between', () => {
  const step = fc.record({ key: fc.nat(9), removes: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), (most, steps) => {
      const map = new RecentMap<number, number>(most);
      let expected: number[] = [];
      steps.forEach(({ key, removes }, i) => {
        expected = expected.filter((other) => other !== key);
        if (removes) map.delete(key);
        else {
          map.set(key, i);
          expected = [...expected, key].slice(-most);
        }
        assert.deepEqual([...map.keys()], expected);
      });
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

test('what was removed is let go, however long nothing had to give way', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const map = new RecentMap<number, object>(100);
  const removed: WeakRef<object>[] = [];
  for (let i = 0; i < 20_000; i++) {
    const value = { i };
    map.set(i, value);
    map.delete(i - 3);
    if (i < 10_000) removed.push(new WeakRef(value));
  }
  // What a WeakRef is made of stays for this turn.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const kept = removed.filter((each) => each.deref() !== undefined);
  assert.deepEqual([kept.length, map.size], [0, 3]);
});

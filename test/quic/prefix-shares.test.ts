import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PrefixShares } from '../../src/quic/prefix-shares.js';
import { fuzzRuns } from '../support/fuzz.js';

const address = (prefix: number): string => `10.0.${prefix}.1`;
const step = fc.record({ index: fc.nat(60), prefix: fc.nat(3), comes: fc.boolean() });

test('through any history, those that go are of the largest prefix, which keeps at least twice what the newcomer’s has', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 300 }),
      fc.nat(3),
      fc.integer({ min: 1, max: 40 }),
      (steps, newcomer, most) => {
        const shares = new PrefixShares<number>(most * 1000);
        const there = new Map<number, number>();
        for (const { index, prefix, comes } of steps) {
          if (!comes) {
            shares.delete(index);
            there.delete(index);
          } else if (!there.has(index)) {
            shares.add(index, address(prefix));
            there.set(index, prefix);
          }
        }
        const counts = [0, 1, 2, 3].map((prefix) => [...there.values()].filter((of) => of === prefix).length);
        const givers = shares.givers(address(newcomer));
        assert.equal(shares.size, there.size);
        assert.deepEqual(new Set(shares.all()), new Set(there.keys()));
        const largest = Math.max(...counts);
        const spare = Math.max(0, largest - Math.max(16, 2 * (counts[newcomer] + 1)));
        assert.equal(givers.length, Math.min(spare, most));
        assert.equal(new Set(givers).size, givers.length);
        assert.equal(new Set(givers.map((index) => there.get(index))).size, givers.length > 0 ? 1 : 0);
        for (const index of givers) assert.equal(counts[there.get(index) as number], largest);
      },
    ),
    { numRuns: fuzzRuns(300) },
  );
});

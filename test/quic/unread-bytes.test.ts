import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UnreadBytes } from '../../src/quic/unread-bytes.js';
import { fuzzRuns } from '../support/fuzz.js';

const step = fc.record({
  of: fc.nat(2),
  does: fc.constantFrom('came', 'read', 'atMost', 'leave'),
  bytes: fc.nat(100_000),
});

test('whatever comes, is read, corrected and leaves: nobody holds less than nothing, and the sum is that of those who are there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const sum = { unreadBytes: 0 };
      const connections = Array.from({ length: 3 }, () => new UnreadBytes(sum));
      const gone = new Set<number>();
      for (const { of, does, bytes } of steps) {
        const before = connections[of].bytes;
        if (does === 'leave') {
          connections[of].leave();
          gone.add(of);
        } else connections[of][does](bytes);
        if (does === 'atMost') assert.equal(connections[of].bytes, Math.min(before, bytes));
        assert.ok(connections.every((each) => each.bytes >= 0));
        const expected = connections.reduce((total, each, i) => total + (gone.has(i) ? 0 : each.bytes), 0);
        assert.equal(sum.unreadBytes, expected);
      }
    }),
    { numRuns: fuzzRuns(200) },
  );
});

test('packets without data in them come to nothing', () => {
  const sum = { unreadBytes: 0 };
  const unread = new UnreadBytes(sum);
  for (let acknowledgement = 0; acknowledgement < 1000; acknowledgement++) unread.came(45);
  assert.equal(sum.unreadBytes, 0);
});

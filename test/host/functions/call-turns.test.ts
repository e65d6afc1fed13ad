import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CallTurns } from '../../../src/host/functions/endpoints/call-turns.js';

/** Calls that end when they are told to. */
class Calls {
  readonly begun: string[] = [];
  readonly refused: string[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(readonly turns: CallTurns) {}

  make(client: string, until = Number.POSITIVE_INFINITY): void {
    const call = (): Promise<void> => {
      this.begun.push(client);
      return new Promise((resolve) => this.#ends.push(resolve));
    };
    this.turns.run(client, until, call).catch(() => this.refused.push(client));
  }

  async end(count = 1): Promise<void> {
    for (let i = 0; i < count; i++) this.#ends.shift()?.();
    await new Promise(setImmediate);
  }
}

test('clients take turns, whatever each has waiting', async () => {
  const calls = new Calls(new CallTurns(1, 100));
  for (const client of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) calls.make(client);
  for (let i = 0; i < 7; i++) await calls.end();
  assert.equal(calls.begun.join(''), 'aabcaba');
});

test('where too much waits who has most of it loses its newest', async () => {
  const calls = new Calls(new CallTurns(1, 4));
  for (const client of ['a', 'a', 'a', 'a', 'a', 'b', 'b', 'c', 'c']) calls.make(client);
  await calls.end(0);
  assert.equal(calls.refused.join(''), 'aaac', 'of four places in the end: one, two, one');
  for (let i = 0; i < 5; i++) await calls.end();
  assert.equal(calls.begun.join(''), 'aabcb');
});

test('what nobody waits for any more is not begun', async () => {
  const calls = new Calls(new CallTurns(1, 10));
  calls.make('a');
  calls.make('a', performance.now() - 1);
  calls.make('b');
  await calls.end();
  assert.deepEqual([calls.begun.join(''), calls.refused.join('')], ['ab', 'a']);
});

test('never more at once than may be, none is forgotten, and each ends one way', async () => {
  const step = fc.oneof(
    fc.record({ make: fc.constantFrom('a', 'b', 'c'), isLate: fc.boolean() }),
    fc.record({ end: fc.integer({ min: 1, max: 4 }) }),
  );
  const run = async (atOnce: number, most: number, steps: ({ make: string; isLate: boolean } | { end: number })[]) => {
    const calls = new Calls(new CallTurns(atOnce, most));
    let [made, ended] = [0, 0];
    for (const each of steps) {
      if ('make' in each) {
        made++;
        calls.make(each.make, each.isLate ? 0 : Number.POSITIVE_INFINITY);
      } else {
        const open = calls.begun.length - ended;
        const count = Math.min(open, each.end);
        ended += count;
        await calls.end(count);
      }
      await calls.end(0);
      assert.ok(calls.begun.length - ended <= atOnce);
    }
    while (calls.begun.length > ended) {
      const open = calls.begun.length - ended;
      ended += open;
      await calls.end(open);
    }
    assert.equal(calls.begun.length + calls.refused.length, made);
  };
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.nat(5), fc.array(step, { maxLength: 40 }), run), {
    numRuns: 200,
  });
});

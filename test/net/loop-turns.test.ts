import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LoopTurns } from '../../src/net/loop-turns.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('who comes while there is time is served at once, who finds it over in the next turns, in order', async () => {
  let now = 0;
  const turns = new LoopTurns(() => now);
  const served: string[] = [];
  const ask = (name: string, ms: number): void =>
    turns.ask({
      serve: () => {
        served.push(name);
        now += ms;
      },
    });
  ask('short', 1);
  ask('long', 10);
  assert.deepEqual(served, ['short', 'long']);
  ask('next', 3);
  ask('with it', 3);
  ask('after', 1);
  assert.equal(served.length, 2);
  await turn();
  assert.deepEqual(served.slice(2), ['next', 'with it']);
  // Others wait already.
  ask('last', 1);
  assert.equal(served.length, 4);
  await turn();
  assert.deepEqual(served.slice(4), ['after', 'last']);
  ask('alone', 1);
  assert.equal(served.at(-1), 'alone');
});

test('who asks again in its turn waits behind the others', async () => {
  let now = 0;
  const turns = new LoopTurns(() => now);
  const served: string[] = [];
  const greedy = {
    serve: () => {
      served.push('greedy');
      now += 10;
      if (now < 50) turns.ask(greedy);
    },
  };
  turns.ask(greedy);
  for (const name of ['a', 'b']) turns.ask({ serve: () => void served.push(name) });
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(served, ['greedy', 'greedy', 'a', 'b', 'greedy', 'greedy', 'greedy']);
});

test('whatever each takes, all are served once, and one too many a turn at most', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }), async (times) => {
      let now = 0;
      const turns = new LoopTurns(() => now);
      const served: number[] = [];
      times.forEach((ms, i) => {
        turns.ask({
          serve: () => {
            served.push(i);
            now += ms;
          },
        });
      });
      for (let i = 0; i <= times.length && served.length < times.length; i++) {
        const before = now;
        await turn();
        assert.ok(now - before < 4 + 9);
      }
      assert.deepEqual(
        served,
        times.map((_, i) => i),
      );
    }),
    { numRuns: 50 },
  );
});

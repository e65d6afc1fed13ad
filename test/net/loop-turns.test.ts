import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LoopTurns, type Waiting } from '../../src/net/loop-turns.js';

/** Who cares not how long it takes. */
const waiting = (serve: () => void): Waiting => ({ serve, took: () => {} });
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('who comes while there is time is served at once, who finds it over in the next turns, in order', async () => {
  let now = 0;
  const turns = new LoopTurns(() => now);
  const served: string[] = [];
  const ask = (name: string, ms: number): void =>
    turns.ask(
      waiting(() => {
        served.push(name);
        now += ms;
      }),
    );
  ask('short', 0.25);
  ask('long', 2.5);
  assert.deepEqual(served, ['short', 'long']);
  ask('next', 0.75);
  ask('with it', 0.75);
  ask('after', 0.25);
  assert.equal(served.length, 2);
  await turn();
  assert.deepEqual(served.slice(2), ['next', 'with it']);
  // Others wait already.
  ask('last', 0.25);
  assert.equal(served.length, 4);
  await turn();
  assert.deepEqual(served.slice(4), ['after', 'last']);
  ask('alone', 0.25);
  assert.equal(served.at(-1), 'alone');
});

test('who asks again in its turn waits behind the others', async () => {
  let now = 0;
  const turns = new LoopTurns(() => now);
  const served: string[] = [];
  const greedy = waiting(() => {
    served.push('greedy');
    now += 10;
    if (now < 50) turns.ask(greedy);
  });
  turns.ask(greedy);
  for (const name of ['a', 'b']) turns.ask(waiting(() => void served.push(name)));
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(served, ['greedy', 'greedy', 'a', 'b', 'greedy', 'greedy', 'greedy']);
});

test('who was served hears how long it took', () => {
  let now = 0;
  const turns = new LoopTurns(() => now);
  const took: number[] = [];
  for (const ms of [0.5, 3]) turns.ask({ serve: () => void (now += ms), took: (ms) => void took.push(ms) });
  assert.deepEqual(took, [0.5, 3]);
});

test('whatever each takes, all are served once, and one too many a turn at most', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }), async (times) => {
      let now = 0;
      const turns = new LoopTurns(() => now);
      const served: number[] = [];
      times.forEach((ms, i) => {
        turns.ask(
          waiting(() => {
            served.push(i);
            now += ms;
          }),
        );
      });
      for (let i = 0; i <= times.length && served.length < times.length; i++) {
        const before = now;
        await turn();
        assert.ok(now - before < 1 + 9);
      }
      assert.deepEqual(
        served,
        times.map((_, i) => i),
      );
    }),
    { numRuns: 50 },
  );
});

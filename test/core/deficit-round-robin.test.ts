import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeficitRoundRobin } from '../../src/core/deficit-round-robin.js';

/** Lets each of `weights` move pieces of its size for `rounds` turns in all. Returns the bytes by one. */
function run(weights: number[], pieces: number[], rounds: number): number[] {
  const queue = new DeficitRoundRobin();
  weights.forEach((weight, id) => {
    queue.add(id, weight);
  });
  const moved = weights.map(() => 0);
  for (let turn = 0; turn < rounds * weights.length; turn++) {
    const [id] = queue.ids();
    for (let left = queue.begin(id); left >= pieces[id]; left = queue.left(id)) {
      queue.spend(id, pieces[id]);
      moved[id] += pieces[id];
    }
    queue.rotate(id);
  }
  return moved;
}

test('shares go by weight, however large the pieces', () => {
  const weight = fc.integer({ min: 1, max: 8 });
  const piece = fc.integer({ min: 1, max: 60_000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(weight, piece), { minLength: 2, maxLength: 10 }), (sessions) => {
      const moved = run(
        sessions.map(([weight]) => weight),
        sessions.map(([, piece]) => piece),
        200,
      );
      const shares = moved.map((bytes, i) => bytes / sessions[i][0]);
      // No more apart than a piece and a quantum.
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 60_000 + 16_384);
    }),
  );
});

test('one that leaves takes its savings with it, and nobody is served twice before the others', () => {
  const queue = new DeficitRoundRobin();
  assert.deepEqual([...queue.ids()], []);
  for (const id of [1, 2, 3]) queue.add(id, 1);
  queue.add(1, 1);
  assert.equal(queue.begin(1), 16_384);
  assert.equal(queue.begin(1), 16_384, 'a turn that was broken off goes on');
  queue.rotate(1);
  assert.deepEqual([...queue.ids()], [2, 3, 1]);
  queue.delete(2);
  queue.delete(1);
  queue.add(1, 0.5);
  assert.equal(queue.left(1), 0);
  queue.rotate(3);
  assert.equal(queue.begin(1), 8192);
  queue.spend(1, 10_000);
  assert.equal(queue.left(1), 0);
  assert.deepEqual([...queue.ids()], [1, 3]);
  assert.equal(queue.begin(9), 0);
  queue.rotate(9);
  queue.spend(9, 1);
  assert.deepEqual([queue.size, queue.has(1), queue.has(9)], [2, true, false]);
});

test('who has just come is served first, once in a round of the others', () => {
  const queue = new DeficitRoundRobin();
  for (const id of [1, 2, 3]) {
    queue.add(id, 1);
    queue.begin(id);
    queue.rotate(id);
  }
  const turn = (): number => {
    const [id] = queue.ids();
    queue.begin(id);
    if (id === 9) queue.delete(id);
    else queue.rotate(id);
    return id;
  };
  queue.add(9, 1);
  assert.deepEqual([turn(), turn()], [9, 1]);
  queue.add(9, 1);
  assert.deepEqual([turn(), turn(), turn()], [2, 3, 1], 'it comes again within the round');
  assert.equal(turn(), 9);
  for (const id of [2, 3, 1]) assert.equal(turn(), id);
  queue.add(9, 1);
  assert.equal(turn(), 9, 'a round later it is new again');
});

test('nobody gains by leaving and coming again, whatever it moves meanwhile', () => {
  const share = fc.double({ min: 0.01, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(share, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 6 }), (shares, others) => {
      const queue = new DeficitRoundRobin();
      const moved = new Array<number>(others + 1).fill(0);
      for (let id = 1; id <= others; id++) queue.add(id, 1);
      for (let turn = 0; turn < 100 * (others + 1); turn++) {
        // 0 always comes back at once, and stays for a part of what it may move.
        queue.add(0, 1);
        const [id] = queue.ids();
        const bytes = queue.begin(id) * (id === 0 ? shares[turn % shares.length] : 1);
        queue.spend(id, bytes);
        moved[id] += bytes;
        if (id === 0) queue.delete(id);
        else queue.rotate(id);
      }
      const [its, ...theirs] = moved;
      assert.ok(its <= Math.min(...theirs) + 2 * 16_384, `${its} of ${theirs}`);
    }),
  );
});

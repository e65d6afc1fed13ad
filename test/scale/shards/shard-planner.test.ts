import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ShardPlanner } from '../../../src/scale/shards/shard-planner.js';

/** Plays a load against shards that come at once; each is busy for a second a second at most. */
function play(planner: ShardPlanner, load: (second: number) => number, seconds: number, serving = 1) {
  const counts: number[] = [];
  let saturated = 0;
  for (let second = 0; second < seconds; second++) {
    if (load(second) > serving) saturated++;
    serving = planner.look(Math.min(load(second), serving), serving);
    counts.push(serving);
  }
  return { counts, saturated };
}

test('a shard is there before those that serve are full', () => {
  const { counts, saturated } = play(new ShardPlanner(1, 4), (second) => 0.2 + second * 0.02, 120);
  assert.equal(saturated, 0, counts.join(' '));
  assert.equal(counts.at(-1), 4);
});

test('shards stay until fewer have been enough for a minute, and go one by one', () => {
  const { counts } = play(new ShardPlanner(1, 4), (second) => (second < 120 ? 1.8 : 0.3), 420, 3);
  assert.equal(Math.max(...counts.slice(0, 120)), 3);
  assert.ok(counts.slice(120, 175).every((count) => count === 3));
  assert.equal(counts.at(-1), 1);
});

test('a load that goes up and down within a minute keeps what its peaks need', () => {
  const { counts } = play(new ShardPlanner(1, 4), (second) => (second % 40 < 20 ? 1.2 : 0.3), 400, 2);
  assert.ok(
    counts.every((count) => count >= 2 && count <= 3),
    counts.join(' '),
  );
});

test('nonsense stays within the bounds', () => {
  const planner = new ShardPlanner(2, 3);
  for (const busy of [Number.NaN, Number.POSITIVE_INFINITY, -5, 1e300, 0]) {
    const wanted = planner.look(busy, 2);
    assert.ok(wanted >= 2 && wanted <= 3, `${busy}: ${wanted}`);
  }
});

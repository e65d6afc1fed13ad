import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../../src/numeric/random.js';
import { ConformalBands } from '../../../src/predict/feedback/conformal-bands.js';

/** A normal deviate (Box and Muller 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

test('each quantile is passed as often as it says, within 2 points, where the distribution shifts and widens', () => {
  const places = 20;
  const bands = new ConformalBands(1, places);
  const { next } = new Random(7);
  let [count, above, below] = [0, 0, 0];
  for (let tick = 0; tick < 4000; tick++) {
    // The model goes on saying 4 to 6; what comes moves from below to above it, and spreads out threefold.
    const level = tick < 1500 ? 4 : tick < 3000 ? 7 : 5;
    const spread = tick < 2000 ? 0.5 : 1.5;
    for (let place = 0; place < places; place++) {
      const [low, high] = [bands.low(place, 0, 4), bands.high(place, 0, 6)];
      const outcome = Math.max(0, level + spread * normal(next));
      bands.observe(place, 0, outcome, low, high);
      count++;
      if (outcome > high) above++;
      if (outcome < low) below++;
    }
  }
  assert.ok(Math.abs(above / count - 0.1) < 0.02, `${above / count} above`);
  assert.ok(Math.abs(below / count - 0.1) < 0.02, `${below / count} below`);
});

test('what is 0 stays 0, and offsets are bounded and one session’s own', () => {
  const bands = new ConformalBands(2, 2);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1), fc.double({ min: 0, max: 40, noNaN: true })), { maxLength: 200 }),
      (seen) => {
        for (const [horizon, outcome] of seen) {
          bands.observe(1, horizon, outcome, bands.low(1, horizon, 3), bands.high(1, horizon, 5));
          assert.equal(bands.high(1, horizon, 0.5), 0.5);
          // Its own offset and the shared one: 3 each at most.
          assert.ok(Math.abs(bands.high(1, horizon, 5) - 5) <= 6);
        }
      },
    ),
  );
  const own = new ConformalBands(1, 2);
  for (let i = 0; i < 50; i++) own.observe(0, 0, 20, own.low(0, 0, 3), own.high(0, 0, 5));
  assert.ok(own.high(0, 0, 5) - 5 > 2);
  assert.ok(own.high(1, 0, 5) - 5 < 0.3, 'of the neighbour only what all share');
  own.clear(0);
  assert.equal(own.high(0, 0, 5), own.high(1, 0, 5));
});

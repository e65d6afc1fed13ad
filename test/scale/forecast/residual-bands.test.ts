import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResidualBands } from '../../../src/scale/forecast/residual-bands.js';
import { seeded } from '../../support/seeded.js';

test('bands hold four in five in the quiet hours and in the loud ones', () => {
  const random = seeded(7);
  const bands = new ResidualBands();
  const held = [0, 0];
  const count = [0, 0];
  for (let minute = 0; minute < 12 * 1440; minute++) {
    const ofDay = minute % 1440;
    const isLoud = ofDay >= 480 && ofDay < 720 ? 1 : 0;
    const mean = 100;
    const spread = bands.spread(mean, ofDay);
    const value = mean + (isLoud ? 40 : 5) * (random() + random() + random() - 1.5);
    if (minute > 6 * 1440) {
      count[isLoud]++;
      if (value >= bands.quantile(mean, spread, 0.1) && value <= bands.quantile(mean, spread, 0.9)) held[isLoud]++;
    }
    bands.learn({ mean, spread }, value, ofDay);
  }
  for (const i of [0, 1]) assert.ok(Math.abs(held[i] / count[i] - 0.8) < 0.08, `${held[i] / count[i]}`);
});

test('quantiles are those of the last day, in order, as errors come and go', () => {
  const random = seeded(8);
  const bands = new ResidualBands();
  const errors: number[] = [];
  for (let i = 0; i < 4000; i++) {
    const error = Math.round(20 * (random() - 0.3));
    errors.push(error);
    bands.learn({ mean: 100, spread: 1 }, 100 + error, i % 1440);
  }
  const sorted = errors.slice(-1440).sort((a, b) => a - b);
  for (const p of [0.1, 0.5, 0.9]) {
    const told = bands.quantile(100, 1, p) - 100;
    assert.ok(Math.abs(told - sorted[Math.round(p * 1441 - 1)]) <= 1, `${p}: ${told}`);
  }
});

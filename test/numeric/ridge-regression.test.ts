import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RidgeRegression } from '../../src/numeric/ridge-regression.js';
import { seeded } from '../support/seeded.js';

test('ridge regression is its definition: the gradient is nothing at the weights it finds', () => {
  const random = seeded(1);
  const options = { memory: 0.99, penalty: 2, every: 1000 };
  const ridge = new RidgeRegression(4, 2, options);
  const rows = Array.from({ length: 60 }, () => Float64Array.from({ length: 4 }, () => random() - 0.5));
  const truths = rows.map((row) => [row[0] * 3 - row[1] + random() * 0.1, row[2] * 2]);
  for (const [i, row] of rows.entries()) ridge.learn(row, truths[i]);
  ridge.solve();
  const unit = (i: number) => Float64Array.from({ length: 4 }, (_, k) => (k === i ? 1 : 0));
  for (const target of [0, 1]) {
    const weights = [0, 1, 2, 3].map((i) => ridge.predict(unit(i), target));
    for (let i = 0; i < 4; i++) {
      const gradient = rows.reduce((sum, row, n) => {
        const error = ridge.predict(row, target) - truths[n][target];
        return sum + options.memory ** (rows.length - 1 - n) * error * row[i];
      }, 0);
      // The penalty is that of the last example's weight, 1 / memory.
      const penalty = (options.penalty * weights[i]) / 1;
      assert.ok(Math.abs(gradient + penalty) < 0.05, `${target} ${i}: ${gradient} ${penalty}`);
    }
  }
  const copy = new RidgeRegression(4, 2, options);
  assert.equal(copy.restore(structuredClone(ridge.state)), true);
  assert.ok(Math.abs(copy.predict(rows[0]) - ridge.predict(rows[0])) < 1e-9);
  assert.equal(new RidgeRegression(5, 2, options).restore(ridge.state), false);
});

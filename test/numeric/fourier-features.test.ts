import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { drawFeatures, FourierFeatures } from '../../src/numeric/fourier-features.js';
import { seeded } from '../support/seeded.js';

test('products of Fourier features come near to the kernel that they stand for', () => {
  const [inputs, size, width] = [6, 4000, 2];
  const features = new FourierFeatures(inputs, size, width);
  const random = seeded(2);
  const write = (row: Float64Array) => {
    const into = new Float64Array(size);
    features.write(row, into, 0);
    return into;
  };
  for (let n = 0; n < 20; n++) {
    const [a, b] = [0, 1].map(() => Float64Array.from({ length: inputs }, () => 4 * random() - 2));
    const [fa, fb] = [write(a), write(b)];
    const product = (2 / size) * fa.reduce((sum, value, i) => sum + value * fb[i], 0);
    const distance = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
    const kernel = Math.exp(-distance / (2 * width ** 2));
    assert.ok(Math.abs(product - kernel) < 0.08, `${product} ${kernel}`);
  }
  // Far out, where the cosine has to find its way back.
  const far = write(new Float64Array(inputs).fill(1e6));
  assert.ok(far.every((value) => Math.abs(value) <= 1 + 1e-8));
});

test('features are what plain arithmetic gives, for any number of inputs', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 41 }), fc.integer({ min: 1, max: 6 }), fc.nat(), (inputs, eights, seed) => {
      const size = 8 * eights;
      const random = seeded(seed);
      const row = Float64Array.from({ length: inputs }, () => 10 * random() - 5);
      const { weights, phases } = drawFeatures(inputs, size, 2, seed + 1);
      const into = new Float64Array(size + 1).fill(7);
      new FourierFeatures(inputs, size, 2, seed + 1).write(row, into, 1);
      assert.equal(into[0], 7);
      for (let k = 0; k < size; k++) {
        const sum = row.reduce((total, x, i) => total + weights[k * inputs + i] * x, phases[k]);
        assert.ok(Math.abs(into[k + 1] - Math.cos(sum)) < 1e-8, `${k}`);
      }
    }),
    { numRuns: 50 },
  );
  assert.throws(() => new FourierFeatures(3, 12, 1), /no multiple/);
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type TreeExamples, TreeGrower } from '../../../src/scale/forecast/extra-tree.js';
import { ResidualForest } from '../../../src/scale/forecast/residual-forest.js';
import { seeded } from '../../support/seeded.js';

const bitsOf = (row: readonly number[]): Int32Array => new Int32Array(Float32Array.from(row).buffer);

function examplesOf(rows: readonly (readonly number[])[], targets: readonly number[]): TreeExamples {
  return {
    columns: rows[0].length,
    rows: Float32Array.from(rows.flat()),
    targets: Float32Array.from(targets),
    weights: new Float32Array(rows.length).fill(1),
  };
}

describe('TreeGrower', () => {
  test('finds a step in one of three columns', () => {
    const random = seeded(1);
    const rows = Array.from({ length: 500 }, () => [random(), 50 * random(), random()]);
    const examples = examplesOf(
      rows,
      rows.map(([, x]) => (x > 20 ? 5 : -1)),
    );
    const grower = new TreeGrower(3, { sample: 400, leaf: 4, tried: 3, prior: 0 }, random);
    const trees = Array.from({ length: 20 }, () => grower.grow(examples, 500));
    const told = (x: number): number =>
      trees.reduce((sum, tree) => sum + tree.predict(bitsOf([0.5, x, 0.5])), 0) / trees.length;
    assert.ok(told(10) < -0.7 && told(40) > 4.7, `${told(10)} ${told(40)}`);
  });

  test('never tells what is outside of what came, whatever there is', () => {
    const numbers = fc.float({ min: 0, max: Math.fround(1e30), noNaN: true });
    const example = fc.tuple(fc.tuple(numbers, numbers), fc.float({ min: -1000, max: 1000, noNaN: true }));
    fc.assert(
      fc.property(
        fc.array(example, { minLength: 1, maxLength: 60 }),
        numbers,
        numbers,
        fc.nat(),
        (list, a, b, seed) => {
          const examples = examplesOf(
            list.map(([row]) => row),
            list.map(([, target]) => target),
          );
          const grower = new TreeGrower(2, { sample: 40, leaf: 2, tried: 2, prior: 0.5 }, seeded(seed));
          const told = grower.grow(examples, list.length).predict(bitsOf([a, b]));
          const targets = [0, ...examples.targets];
          assert.ok(told >= Math.min(...targets) - 1e-3 && told <= Math.max(...targets) + 1e-3);
        },
      ),
    );
  });
});

describe('ResidualForest', () => {
  test('tells nothing before it knows something, and follows what changes', () => {
    const random = seeded(2);
    const forest = new ResidualForest(2, 1);
    const row = new Float32Array(2);
    const teach = (sign: number, count: number): void => {
      for (let i = 0; i < count; i++) {
        row[0] = random();
        row[1] = random();
        forest.learn(row, sign * (row[0] > 0.5 ? 1 : -1) + random() - 0.5, 1);
        if (i % 20 === 0) forest.grow();
      }
    };
    teach(1, 200);
    assert.equal(forest.predict(Float32Array.of(0.9, 0.5)), 0);
    teach(1, 3000);
    assert.ok(forest.predict(Float32Array.of(0.9, 0.5)) > 0.8);
    assert.ok(forest.predict(Float32Array.of(0.1, 0.5)) < -0.8);
    teach(-1, 10 * 1440);
    assert.ok(forest.predict(Float32Array.of(0.9, 0.5)) < -0.8, 'what is eight days old is gone');
  });

  test('leaves what is no number', () => {
    const forest = new ResidualForest(1, 1);
    for (let i = 0; i < 300; i++) forest.learn(Float32Array.of(1), Number.NaN, 1);
    forest.grow();
    assert.equal(forest.predict(Float32Array.of(1)), 0);
  });
});

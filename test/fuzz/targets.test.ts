import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../support/fuzz.js';
import { keptInputs } from './kept-inputs.js';
import { hostile } from './target.js';
import { targets } from './targets.js';

for (const target of targets) {
  test(`hostile bytes: ${target.name}`, () => {
    for (const seed of target.seeds) target.run(seed, []);
    for (const { bytes, cuts } of keptInputs(target.name)) target.run(bytes, cuts);
    fc.assert(
      fc.property(hostile(target), ({ bytes, cuts }) => target.run(bytes, cuts)),
      { numRuns: fuzzRuns(3000) },
    );
  });
}

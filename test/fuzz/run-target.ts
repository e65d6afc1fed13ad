/** `node run-target.js TARGET SECONDS [SEED]`: hostile inputs for a codec until the time is over, or one breaks it. */
import fc from 'fast-check';
import { keepInput } from './kept-inputs.js';
import { type FuzzInput, hostile } from './target.js';
import { targets } from './targets.js';

const [name, seconds, given] = process.argv.slice(2);
const target = targets.find((one) => one.name === name);
if (target === undefined) throw new Error(`no target ${name}; there are ${targets.map((one) => one.name).join(', ')}`);

const first = given === undefined ? (Date.now() ^ (process.pid << 8)) | 0 : Number(given);
/** Inputs a seed: the run is cut so that a seed is soon run again. */
const INPUTS = 200_000;
const end = performance.now() + Number(seconds) * 1000;
let [inputs, seed, failure] = [0, first, ''];
while (performance.now() < end && failure === '') {
  const result = fc.check(
    fc.property(hostile(target), ({ bytes, cuts }) => target.run(bytes, cuts)),
    { seed, numRuns: INPUTS, interruptAfterTimeLimit: end - performance.now(), markInterruptAsFailure: false },
  );
  inputs += result.numRuns;
  if (result.failed && result.counterexample !== null) {
    const [input] = result.counterexample as [FuzzInput];
    failure = `${keepInput(name, input, seed)}: ${result.errorInstance}`;
  }
  seed = (seed + 1) | 0;
}
console.log(
  `${name}: ${inputs} inputs, seeds ${first} to ${seed - 1}${failure === '' ? '' : `: BROKEN by ${failure}`}`,
);
if (failure !== '') process.exitCode = 1;

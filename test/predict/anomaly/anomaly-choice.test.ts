import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeriesDetector } from '../../../src/predict/anomaly/series-detector.js';
import { CHOICE_STEPS, chooseByFolder, type LabelledSeries } from '../../../src/predict/evaluation/anomaly-choice.js';
import { nabScore } from '../../../src/predict/evaluation/nab-score.js';
import { seeded } from '../../support/seeded.js';

/** A series of noise with one spike, and a window around it. */
function series(name: string, seed: number, at: number, height: number): LabelledSeries {
  const random = seeded(seed);
  const values = Float64Array.from({ length: 400 }, (_, i) => 10 + random() + (i === at ? height : 0));
  return { name, times: values.map((_, i) => i * 300), values, windows: [[at - 10, at + 10]] };
}

const made = [
  series('a/1.csv', 1, 250, 9),
  series('b/1.csv', 2, 300, 3),
  series('b/2.csv', 3, 200, 1),
  series('c/1.csv', 4, 350, 2),
];

test('each folder is judged by settings that the others chose, and that its own labels have no part in', () => {
  let steps = 0;
  const choices = chooseByFolder(made, () => steps++);
  assert.equal(steps, CHOICE_STEPS);
  assert.deepEqual(
    choices.map(({ folder }) => folder),
    ['a', 'b', 'c'],
  );
  const moved = made.map((one) => (one.name.startsWith('a/') ? { ...one, windows: [[150, 170] as const] } : one));
  const [before] = choices;
  const after = chooseByFolder(moved)[0];
  assert.deepEqual([after.constants, after.used, after.others], [before.constants, before.used, before.others]);
  assert.ok(after.here < before.here, 'what it scores here is by its labels');
  // What is scored is what the detector with these settings says.
  const [{ name, times, values, windows }] = made;
  const detector = new SeriesDetector(before.used, before.constants);
  const scores = values.map((value, i) => detector.update(times[i], value));
  assert.ok(Math.abs(nabScore([{ name, scores, windows }]).score - before.here) < 1e-9);
});

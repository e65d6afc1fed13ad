import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RunningMedian } from '../../../src/predict/anomaly/running-median.js';
import { ALARM_SCORE, SeriesDetector } from '../../../src/predict/anomaly/series-detector.js';
import { EVIDENCE } from '../../../src/predict/anomaly/series-evidence.js';
import { TailSurprise } from '../../../src/predict/anomaly/tail-surprise.js';
import { seeded } from '../../support/seeded.js';

const MINUTE = 60;

/** Scores of values a minute apart. */
function scoresOf(values: readonly number[], detector = new SeriesDetector(), from = 0): number[] {
  return values.map((value, i) => detector.update(from + i * MINUTE, value));
}

const alarms = (scores: readonly number[]): number[] => scores.flatMap((score, i) => (score >= ALARM_SCORE ? [i] : []));

function noise(count: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () => 100 + 10 * (random() + random() + random() - 1.5));
}

describe('SeriesDetector', () => {
  test('tells a spike, once, and says in what it is unusual', () => {
    const values = noise(2_000, 1);
    for (let i = 1_500; i < 1_510; i++) values[i] = 400;
    const detector = new SeriesDetector();
    scoresOf(values.slice(0, 1_500), detector);
    assert.ok(detector.update(1_500 * MINUTE, 400) >= ALARM_SCORE);
    assert.ok(['change from the value before', 'value above its level'].includes(EVIDENCE[detector.loudest]));
    const after = scoresOf(values.slice(1_501), detector, 1_501 * MINUTE);
    assert.ok(alarms(after).length <= 1, `${alarms(after).length} more alarms`);
  });

  test('tells a level that moves', () => {
    const values = noise(3_000, 2).map((value, i) => (i < 2_000 ? value : value + 60));
    const told = alarms(scoresOf(values)).filter((i) => i >= 2_000);
    assert.ok(told[0] <= 2_010, `told at ${told[0]}`);
  });

  test('tells a day without its peak', () => {
    const random = seeded(3);
    const values = Array.from({ length: 12 * 288 }, (_, i) => {
      const peak = i % 288 > 120 && i % 288 < 200 && Math.floor(i / 288) !== 9;
      return (peak ? 80 : 20) + random();
    });
    const detector = new SeriesDetector();
    const told = alarms(values.map((value, i) => detector.update(i * 300, value)));
    assert.ok(
      told.some((i) => i > 9 * 288 + 120 && i < 9 * 288 + 200),
      `told at ${told}`,
    );
    assert.equal(told.filter((i) => i > 3 * 288 && i < 9 * 288).length, 0);
  });

  test('a repeat is no news', () => {
    const values = noise(6_000, 4);
    for (let i = 500; i < 6_000; i += 500) values[i] = 300 + (i % 7);
    const told = alarms(scoresOf(values));
    assert.ok(told.includes(500));
    assert.ok(told.filter((i) => i > 500 && i % 500 === 0).length <= 5, `told at ${told}`);
  });

  test('ordinary noise gives few alarms, however long it lasts', () => {
    const told = alarms(scoresOf(noise(50_000, 5)));
    assert.ok(told.length <= 12, `${told.length} alarms`);
    assert.ok(told.filter((i) => i > 25_000).length <= 3);
  });

  test('a gap is followed by no storm of alarms', () => {
    const detector = new SeriesDetector();
    scoresOf(noise(2_000, 6), detector);
    const after = scoresOf(noise(500, 7), detector, 40_000 * MINUTE);
    assert.ok(alarms(after).length <= 1);
    assert.deepEqual(after.slice(0, 10), Array(10).fill(0));
  });

  test('a constant series is silent until it changes, and rounding is no change', () => {
    const detector = new SeriesDetector();
    const flat = scoresOf(
      Array.from({ length: 1_000 }, (_, i) => 0.1 + 0.2 * (1 + (i % 2) * 1e-15)),
      detector,
    );
    assert.deepEqual(alarms(flat), []);
    assert.ok(detector.update(1_000 * MINUTE, 5) >= ALARM_SCORE);
  });

  test('a counter that is reset tells once', () => {
    const values = Array.from({ length: 2_000 }, (_, i) => (i % 1_000) * 5);
    assert.ok(alarms(scoresOf(values)).filter((i) => i >= 1_000 && i < 1_100).length <= 2);
  });

  test('the first values say nothing', () => {
    assert.deepEqual(alarms(scoresOf([0, 1e9, 0, -1e9, 5, 0, 1e12, 3, 0, 1e15])), []);
  });

  test('whatever comes, the score is a number from 0 to 1', () => {
    const value = fc.oneof(
      fc.double(),
      fc.double({ min: -100, max: 100, noNaN: true }),
      fc.constantFrom(
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        Number.MAX_VALUE,
        -Number.MAX_VALUE,
      ),
    );
    const time = fc.oneof(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom(Number.NaN, 0, Number.MAX_VALUE));
    fc.assert(
      fc.property(fc.array(fc.tuple(time, value), { minLength: 1, maxLength: 400 }), (points) => {
        const detector = new SeriesDetector();
        scoresOf(noise(120, 8), detector);
        for (const [at, given] of points) {
          const score = detector.update(at, given);
          assert.ok(score >= 0 && score <= 1, `${score} at ${at}, ${given}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('who moves slowly is told on the way: drift does not hide a tenfold rise', () => {
    const random = seeded(9);
    const values = Array.from({ length: 6_000 }, (_, i) => {
      const drift = i < 2_000 ? 1 : Math.min(10, 1 + (i - 2_000) * 0.003);
      return 100 * drift + 10 * random();
    });
    assert.ok(alarms(scoresOf(values)).some((i) => i > 2_000 && i < 3_500));
  });
});

test('RunningMedian is the median of the last values', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 60 }), (values) => {
      const median = new RunningMedian(9);
      values.forEach((value, i) => {
        const last = values.slice(Math.max(0, i - 8), i + 1).sort((a, b) => a - b);
        assert.equal(median.next(value), last[last.length >> 1]);
      });
    }),
  );
});

test('TailSurprise is at most the negative log of the chance: what is like something seen before surprises less', () => {
  const random = seeded(10);
  const tail = new TailSurprise();
  let above = 0;
  const count = 20_000;
  for (let i = 0; i < count; i++) if (tail.next(-Math.log(1 - random())) > Math.log(200)) above++;
  assert.ok(above > (count / 200) * 0.1 && above < (count / 200) * 1.2, `${above} of ${count} at 1 in 200`);
});

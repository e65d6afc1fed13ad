import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/numeric/random.js';
import { ERROR_SCENARIOS } from '../../src/profile/behavioral-profile.js';
import { BehavioralProfiler } from '../../src/profile/behavioral-profiler.js';
import { ErrorHistory } from '../../src/profile/error-history.js';

test('one who was seen rarely is like the others, one who is seen often like himself', () => {
  const all = new ErrorHistory();
  for (let i = 0; i < 1000; i++) all.add(i % 10 === 0 ? 1 : 0);
  const [chance] = new ErrorHistory().chances(all);
  assert.ok(Math.abs(chance - 0.1) < 0.01);
  const client = new ErrorHistory();
  for (let i = 0; i < 100; i++) client.add(1);
  assert.ok(client.chances(all)[0] > 0.97 && client.chances(all)[1] < 0.01);
});

test('what goes wrong in a session counts once for it', () => {
  const profiler = new BehavioralProfiler();
  const update = { timestamp: 0, bytesIn: 0, bytesOut: 0, seconds: 1 };
  for (let session = 0; session < 20; session++) {
    profiler.updateProfile('a', { ...update, opened: true, errors: 1 });
    profiler.updateProfile('a', { ...update, errors: 1 });
    profiler.updateProfile('a', { ...update, closed: true });
  }
  const { predictedErrors } = profiler.getProfile('a');
  assert.ok(predictedErrors.reset > 0.85 && predictedErrors.slow < 0.05, JSON.stringify(predictedErrors));
});

/** Area under the ROC curve (Mann and Whitney 1947). */
function auc(scored: readonly { score: number; happened: boolean }[]): number {
  const sorted = [...scored].sort((a, b) => a.score - b.score);
  let [rankSum, positives] = [0, 0];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (end < sorted.length && sorted[end].score === sorted[i].score) end++;
    const rank = (i + 1 + end) / 2;
    for (; i < end; i++) {
      if (!sorted[i].happened) continue;
      rankSum += rank;
      positives++;
    }
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (sorted.length - positives));
}

test('clients that each fail at a rate of their own: the next visit is foretold as well as its history allows', () => {
  const { next } = new Random(11);
  const profiler = new BehavioralProfiler();
  const update = { timestamp: 0, bytesIn: 0, bytesOut: 0, seconds: 1 };
  const said: { score: number; best: number; happened: boolean }[][] = ERROR_SCENARIOS.map(() => []);
  for (let client = 0; client < 1500; client++) {
    // Rates from a wide distribution: mostly small, some near 1.
    const rates = ERROR_SCENARIOS.map(() => next() ** 4);
    const visits = 1 + Math.floor(next() * 30);
    const failed = ERROR_SCENARIOS.map(() => 0);
    for (let visit = 0; visit <= visits; visit++) {
      const bits = rates.reduce((set, rate, i) => set | (next() < rate ? 1 << i : 0), 0);
      if (visit === visits) {
        const { predictedErrors } = profiler.getProfile(`c${client}`);
        ERROR_SCENARIOS.forEach((name, i) => {
          // The posterior's mean under the distribution that the rates are of: a Beta(1/4, 1).
          const best = (failed[i] + 0.25) / (visits + 1.25);
          said[i].push({ score: predictedErrors[name], best, happened: (bits & (1 << i)) !== 0 });
        });
      }
      profiler.updateProfile(`c${client}`, { ...update, opened: true, closed: true, errors: bits });
      failed.forEach((_, i) => {
        if (bits & (1 << i)) failed[i]++;
      });
    }
  }
  for (const scenario of said) {
    const [ours, best] = [auc(scenario), auc(scenario.map(({ best: score, happened }) => ({ score, happened })))];
    assert.ok(best > 0.8 && ours >= 0.95 * best, `${ours}, best ${best}`);
  }
});

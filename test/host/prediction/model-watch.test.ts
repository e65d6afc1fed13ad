import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelWatch } from '../../../src/host/prediction/model-watch.js';
import { type TrainingPolicy, TrainingSchedule } from '../../../src/host/prediction/training-schedule.js';
import { SourceChoice } from '../../../src/predict/serving/source.js';

const policy: TrainingPolicy = {
  enabled: true,
  every: 3600,
  minSequences: 100,
  maxSequences: 1000,
  iterations: 1,
  cpuShare: 1,
  shadowTicks: 1,
  watchTicks: 10,
};

test('training is due on a schedule, and earlier where the model drifts, but not without sequences', () => {
  const schedule = new TrainingSchedule(policy, 0);
  const minute = 60_000;
  assert.equal(schedule.due(70 * minute, 99, 0.5), null);
  assert.equal(schedule.due(70 * minute, 100, 0.5), 'schedule');
  assert.equal(schedule.due(71 * minute, 100, 0.5), null);
  assert.equal(schedule.due(75 * minute, 100, 0.6), null, 'drift, but the last run was not long ago');
  assert.equal(schedule.due(81 * minute, 100, 0.56), null, 'no drift');
  assert.equal(schedule.due(81 * minute, 100, 0.6), 'drift');
  schedule.reset();
  assert.equal(schedule.due(95 * minute, 100, 0.9), null, 'another model, another best');
  assert.equal(schedule.due(145 * minute, 100, null), 'schedule');
  assert.equal(new TrainingSchedule({ ...policy, enabled: false }, 0).due(1e9, 1000, 1), null);
});

test('a model that is worse than the one before, or than the average, is sent back; one that is not stays', () => {
  const watch = new ModelWatch('a', 0.8, 10);
  assert.equal(watch.tick(100, 5, 1), null, 'too little is known');
  assert.equal(watch.tick(600, 0.85, 1), null);
  assert.match(watch.tick(600, 0.9, 1) ?? '', /0.900 of the average's.*before was 0.800/);
  assert.match(watch.tick(600, 1.2, 1) ?? '', /1.200, the average's 1.000/);
  assert.match(watch.tick(600, Number.NaN, 1) ?? '', /NaN/);
  assert.equal(new ModelWatch('a', null, 1).tick(600, 1.05, 1), null);
  for (let i = 0; i < 5; i++) watch.tick(0, 1, 1);
  assert.ok(watch.isOver);
});

test('the average serves while the model is worse, with hysteresis', () => {
  const choice = new SourceChoice();
  const after = (compared: number, model: number): [boolean, string] => [
    choice.update(compared, model, 1),
    choice.source,
  ];
  assert.deepEqual(after(10, 9), [false, 'model'], 'too little is known');
  assert.deepEqual(after(1000, 1.04), [false, 'model']);
  assert.deepEqual(after(1000, 1.06), [true, 'average']);
  assert.deepEqual(after(1000, 1.02), [false, 'average']);
  assert.deepEqual(after(1000, 0.99), [true, 'model']);
  assert.deepEqual(after(1000, Number.NaN), [true, 'average']);
});

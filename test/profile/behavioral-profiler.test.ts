import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BehavioralProfiler } from '../../src/profile/behavioral-profiler.js';

test('a client nobody knows has the default rate and no history', () => {
  const profile = new BehavioralProfiler({ defaultDataRate: 123 }).getProfile('a');
  assert.equal(profile.predictedDataRate, 123);
  assert.equal(profile.sessionsSeen, 0);
  assert.deepEqual(profile.historicalData, []);
});

test('the average weighs connected time by its half-life', () => {
  const profiler = new BehavioralProfiler({ halfLifeSeconds: 10 });
  profiler.updateProfile('a', { timestamp: 1, bytesIn: 1000, bytesOut: 0, seconds: 10, opened: true });
  profiler.updateProfile('a', { timestamp: 2, bytesIn: 0, bytesOut: 3000, seconds: 10 });
  // The first stretch counts half: (1000 / 2 + 3000) / (10 / 2 + 10).
  assert.equal(profiler.getProfile('a').predictedDataRate, 3500 / 15);
  assert.equal(profiler.getProfile('a').sessionsSeen, 1);
});

test('clients part: each keeps its own rate over sessions', () => {
  const profiler = new BehavioralProfiler();
  for (let second = 0; second < 60; second++) {
    profiler.updateProfile('fast', {
      timestamp: second,
      bytesIn: 50_000,
      bytesOut: 50_000,
      seconds: 1,
      opened: second % 20 === 0,
    });
    profiler.updateProfile('slow', { timestamp: second, bytesIn: 100, bytesOut: 0, seconds: 1, opened: second === 0 });
  }
  assert.ok(Math.abs(profiler.getProfile('fast').predictedDataRate - 100_000) < 1e-6);
  assert.ok(Math.abs(profiler.getProfile('slow').predictedDataRate - 100) < 1e-6);
  assert.equal(profiler.getProfile('fast').sessionsSeen, 3);
});

test('history is bounded and joins short stretches', () => {
  const profiler = new BehavioralProfiler({ maxHistory: 3 });
  for (let second = 0; second < 100; second++) {
    profiler.updateProfile('a', { timestamp: second, bytesIn: 1, bytesOut: 2, seconds: 1 });
  }
  const { historicalData } = profiler.getProfile('a');
  assert.equal(historicalData.length, 3);
  assert.deepEqual(historicalData.at(-1), { timestamp: 99, bytesIn: 5, bytesOut: 10, seconds: 5 });
});

test('the least recently used profile gives way', () => {
  const profiler = new BehavioralProfiler({ maxProfiles: 2, defaultDataRate: 7 });
  const update = { timestamp: 0, bytesIn: 100, bytesOut: 0, seconds: 1 };
  for (const client of ['a', 'b', 'a', 'c']) profiler.updateProfile(client, update);
  assert.equal(profiler.size, 2);
  assert.equal(profiler.getProfile('b').predictedDataRate, 7);
  assert.equal(profiler.getProfile('a').predictedDataRate, 100);
});

test('a stretch of no length changes nothing', () => {
  const profiler = new BehavioralProfiler({ defaultDataRate: 7 });
  for (const seconds of [0, -1, Number.NaN]) {
    profiler.updateProfile('a', { timestamp: 0, bytesIn: 100, bytesOut: 0, seconds, opened: true });
  }
  assert.equal(profiler.getProfile('a').predictedDataRate, 7);
});

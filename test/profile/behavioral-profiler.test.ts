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

test('history is bounded, in detail for what is recent, and its sums stay', () => {
  const profiler = new BehavioralProfiler({ maxHistory: 5 });
  for (let second = 0; second < 400; second++) {
    profiler.updateProfile('a', {
      timestamp: second * 1000,
      bytesIn: 1,
      bytesOut: 2,
      seconds: 1,
      opened: second === 0,
    });
  }
  const { historicalData } = profiler.getProfile('a');
  assert.equal(historicalData.length, 5);
  const spans = historicalData.map(({ seconds }) => seconds);
  assert.deepEqual(
    spans,
    [...spans].sort((a, b) => b - a),
  );
  const sum = (key: 'bytesIn' | 'bytesOut' | 'seconds') =>
    historicalData.reduce((total, entry) => total + entry[key], 0);
  assert.deepEqual([sum('bytesIn'), sum('bytesOut'), sum('seconds')], [400, 800, 400]);
});

test('the least recently used profile leaves memory, unless a session of it is open', async () => {
  const profiler = new BehavioralProfiler({ maxProfiles: 2, defaultDataRate: 7 });
  const update = { timestamp: 0, bytesIn: 100, bytesOut: 0, seconds: 1 };
  for (const client of ['a', 'b', 'c', 'd']) {
    profiler.updateProfile(client, { ...update, opened: true });
    if (client !== 'a') profiler.updateProfile(client, { ...update, closed: true });
    await profiler.flush();
  }
  assert.equal(profiler.size, 2);
  assert.equal(profiler.getProfile('a').predictedDataRate, 100);
  // It is in the store still.
  assert.equal(profiler.getProfile('b').predictedDataRate, 100);
});

test('a client that was forgotten stays so until it comes again', async () => {
  const profiler = new BehavioralProfiler({ defaultDataRate: 7 });
  const update = { timestamp: 1, bytesIn: 100, bytesOut: 0, seconds: 1 };
  profiler.updateProfile('a', { ...update, opened: true });
  await profiler.flush();
  await profiler.forget(['a']);
  profiler.updateProfile('a', update);
  profiler.remember('a', { model: 'm', state: new Float32Array(2), bias: 0, requestType: 'control', risk: 1 });
  assert.equal(profiler.getProfile('a').predictedDataRate, 7);
  assert.equal(profiler.getProfile('a').lastSeen, 0);
  profiler.updateProfile('a', { ...update, opened: true });
  assert.equal(profiler.getProfile('a').sessionsSeen, 1);
});

test('several sessions of one client at once: each counts, and the average is of a session', () => {
  const profiler = new BehavioralProfiler();
  for (let second = 0; second < 300; second++) {
    for (const [session, bytesIn] of [
      ['1', 1000],
      ['2', 3000],
    ] as const) {
      profiler.updateProfile('a', {
        timestamp: second * 1000,
        bytesIn,
        bytesOut: 0,
        seconds: 1,
        opened: second === 0,
        session,
      });
    }
  }
  const { predictedDataRate, sessionsSeen } = profiler.getProfile('a');
  assert.ok(Math.abs(predictedDataRate - 2000) < 100, String(predictedDataRate));
  assert.equal(sessionsSeen, 2);
});

test('a stretch of no length changes nothing', () => {
  const profiler = new BehavioralProfiler({ defaultDataRate: 7 });
  for (const seconds of [0, -1, Number.NaN]) {
    profiler.updateProfile('a', { timestamp: 0, bytesIn: 100, bytesOut: 0, seconds, opened: true });
  }
  assert.equal(profiler.getProfile('a').predictedDataRate, 7);
});

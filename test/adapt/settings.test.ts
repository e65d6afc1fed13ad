import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSettings, DEFAULT_POLICY, limitsOf, settingsFor, settingsToTell } from '../../src/adapt/settings.js';

const profile = (predictedDataRate: number, predictedSecurityRisk = 0, predictedRateLimit: number | null = null) => ({
  predictedDataRate,
  predictedSecurityRisk,
  predictedRateLimit,
});

const policy = {
  ...DEFAULT_POLICY,
  bufferScalingFactor: 2,
  rateLimitFactor: 4,
  minRateLimit: 1000,
  maxRateLimit: 1_000_000,
  minBufferSize: 100,
  maxBufferSize: 50_000,
  burstSeconds: 0.5,
  minBurst: 10,
  packetBytes: 100,
  minPacketRate: 50,
};

test('buffer and limit are the predicted rate times their factors', () => {
  assert.deepEqual(settingsFor(profile(10_000), policy), {
    bufferSize: 20_000,
    rateLimit: 40_000,
    burst: 20_000,
    packetRate: 400,
    packetBurst: 200,
    out: null,
    securityLevel: 0,
  });
});

test('the operator bounds hold at both ends', () => {
  const least = settingsFor(profile(0), policy);
  assert.deepEqual([least.bufferSize, least.rateLimit, least.burst], [100, 1000, 500]);
  const most = settingsFor(profile(1e12), policy);
  assert.deepEqual([most.bufferSize, most.rateLimit, most.burst], [50_000, 1_000_000, 500_000]);
});

test('risk halves the limit at level 1 and suggests no more than level 2', () => {
  for (const [risk, level] of [
    [0.69, 0],
    [0.7, 1],
    [0.9, 2],
    [1, 2],
  ] as const) {
    const settings = settingsFor(profile(10_000, risk), policy);
    assert.equal(settings.securityLevel, level);
    assert.equal(settings.rateLimit, level === 0 ? 40_000 : 20_000);
  }
});

test('limits never fall below what a function promises', () => {
  const settings = settingsFor(profile(0, 1), policy, { rateLimit: 5000, bufferSize: 777 });
  assert.deepEqual([settings.rateLimit, settings.bufferSize], [5000, 777]);
  const above = settingsFor(profile(0), policy, { rateLimit: 2e6, bufferSize: 0 });
  assert.equal(above.rateLimit, 2e6);
});

test('a peer that is likely to be slow gets half the buffer, one prone to resets half the burst', () => {
  const predictedErrors = { reset: 0.9, limit: 0, malformed: 0, slow: 0.9, timeout: 0 };
  const settings = settingsFor({ ...profile(10_000), predictedErrors }, policy);
  assert.deepEqual([settings.bufferSize, settings.burst], [10_000, 10_000]);
});

test('the packet limit follows the byte limit, and what goes out is held to the same where that is asked for', () => {
  const settings = settingsFor(profile(0), { ...policy, limitOut: true });
  assert.deepEqual([settings.packetRate, settings.packetBurst], [50, 50]);
  assert.deepEqual(settings.out, limitsOf(settings).in);
});

test('settings that somebody else chose are looked at, and what is wrong is named', () => {
  const usual = settingsFor(profile(10_000), { ...policy, limitOut: true });
  checkSettings(usual);
  checkSettings({ ...usual, rateLimit: Number.POSITIVE_INFINITY, out: null });
  for (const [settings, reason] of [
    [null, /null are no settings$/],
    [undefined, /no settings/],
    [Promise.resolve(usual), /bufferSize is undefined/],
    [{ ...usual, rateLimit: Number.NaN }, /rateLimit is NaN, not a number from 0 on/],
    [{ ...usual, burst: -1 }, /burst is -1/],
    [{ ...usual, packetRate: '100' }, /packetRate is '100'/],
    [{ ...usual, out: { ...usual.out, burst: -1 } }, /burst is -1/],
    [{ ...usual, out: { ...usual.out, rate: '5' } }, /rate is '5'/],
    [{ ...usual, out: 5 }, /rate is undefined/],
    [{ ...usual, securityLevel: 7 }, /securityLevel is 7, not 0, 1, 2 or 3/],
  ] as const) {
    assert.throws(() => checkSettings(settings), reason);
  }
});

test('no limit is told as the largest number that JSON can say exactly', () => {
  const told = settingsToTell({ ...settingsFor(profile(0), policy), rateLimit: Number.POSITIVE_INFINITY }, true);
  assert.deepEqual(JSON.parse(JSON.stringify(told)), { ...told, rateLimit: Number.MAX_SAFE_INTEGER });
});

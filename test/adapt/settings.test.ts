import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY, limitsOf, settingsFor } from '../../src/adapt/settings.js';

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

test('risk alone leads to level 1 and half the limit, never further', () => {
  const settings = settingsFor(profile(10_000, 1), policy);
  assert.equal(settings.securityLevel, 1);
  assert.equal(settings.rateLimit, 20_000);
});

test('the packet limit follows the byte limit, and what goes out is held to the same where that is asked for', () => {
  const settings = settingsFor(profile(0), { ...policy, limitOut: true });
  assert.deepEqual([settings.packetRate, settings.packetBurst], [50, 50]);
  assert.deepEqual(settings.out, limitsOf(settings).in);
});

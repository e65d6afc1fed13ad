import { DEFAULT_POLICY, rateLimitOf, type SettingsPolicy } from '../../../adapt/settings.js';
import type { HostConfigInput } from '../../../host/config.js';
import { type Prepared, pseudonymOf } from './history.js';
import { meanOf } from './policy-scores.js';
import type { RecordedVisit } from './recorded-visits.js';

/** Where settings come from. */
export const POLICIES = ['static', 'ewma', 'predicted'] as const;
export type PolicyName = (typeof POLICIES)[number];

/** Times the average, as a host has it by default; the others get the same limits in sum. */
const FACTOR = 4;
/** bytes/s and bytes that everybody has. */
const FLOOR = 256;
const BURST = 256;
const BUFFER = 4096;

const bounds: Partial<SettingsPolicy> = {
  minRateLimit: FLOOR,
  minBurst: BURST,
  minBufferSize: BUFFER,
  // Bytes are compared: no packet limit comes first.
  packetBytes: 1,
  minPacketRate: 10_000,
};

/** Mean limit at the openings, of rates times a factor, in the bounds. */
function meanLimit(rates: readonly number[], factor: number): number {
  const policy = { ...DEFAULT_POLICY, ...bounds, rateLimitFactor: factor };
  return meanOf(rates.map((rate) => rateLimitOf(rate, null, 0, policy)));
}

/** The factor at which rates lead to limits of a mean. */
function factorFor(rates: readonly number[], mean: number): number {
  let [low, high] = [1e-3, 1e6];
  for (let i = 0; i < 60; i++) {
    const middle = Math.sqrt(low * high);
    if (meanLimit(rates, middle) < mean) low = middle;
    else high = middle;
  }
  return Math.sqrt(low * high);
}

const AVERAGE = { enabled: false, openings: 'average' } as const;

/** A policy's one knob: bytes/s of static, the factor of the others. */
export type Generosity = Record<PolicyName, number>;

/** The configuration of a policy. @param buffer bytes, of static. */
export function configOf(policy: PolicyName, knob: number, buffer: number): HostConfigInput {
  if (policy === 'predicted') return { policy: { ...bounds, rateLimitFactor: knob } };
  if (policy === 'ewma') return { prediction: AVERAGE, policy: { ...bounds, rateLimitFactor: knob } };
  const fixed = { minRateLimit: knob, maxRateLimit: knob, minBufferSize: buffer, maxBufferSize: buffer };
  return { prediction: AVERAGE, policy: { ...bounds, ...fixed } };
}

/** Knobs at which the sum of the limits at the openings of the visits to come is the same, and the buffer of static. */
export function equalAtOpening(
  { profiler, identifier }: Prepared,
  later: readonly RecordedVisit[],
): { knobs: Generosity; buffer: number } {
  const timestamp = Date.now();
  const averages: number[] = [];
  const learned: number[] = [];
  for (const { client } of later) {
    const name = pseudonymOf(identifier, client);
    averages.push(profiler.averageOf(name));
    learned.push(profiler.getProfile(name, { functionId: 'echo', timestamp }).predictedDataRate);
  }
  const mean = meanLimit(averages, FACTOR);
  const buffer = Math.max(BUFFER, meanOf(averages) * DEFAULT_POLICY.bufferScalingFactor);
  return { knobs: { static: mean, ewma: FACTOR, predicted: factorFor(learned, mean) }, buffer };
}

import { inspect } from 'node:util';
import type { TellableSettings } from '../control/messages.js';
import { checkFromZero, checkLimits, type Limits, NO_LIMITS } from '../core/limits.js';
import type { PublishedLimits } from '../core/limits-mailbox.js';
import type { BehavioralProfile } from '../profile/behavioral-profile.js';

/** 0 normal, 1 tighter limits, 2 step-up, 3 quarantine. */
export type SecurityLevel = 0 | 1 | 2 | 3;

/** What a profile is turned into before the first byte is read. */
export interface SocketSettings {
  /** Bytes that a session may hold unread and unsent. */
  bufferSize: number;
  /** Bytes/s that are taken from the client. */
  rateLimit: number;
  /** Bytes that may come at once. */
  burst: number;
  /** Packets/s (datagrams, stream chunks) that are taken from the client, and how many may come at once. */
  packetRate: number;
  packetBurst: number;
  /** Limits on what goes to the client; null: none. */
  out: Limits | null;
  securityLevel: SecurityLevel;
}

export interface SettingsPolicy {
  /** Seconds of the predicted rate that the buffer holds. */
  bufferScalingFactor: number;
  /** Or auto: the limit that the model gives for this client. */
  rateLimitFactor: number | 'auto';
  minBufferSize: number;
  maxBufferSize: number;
  minRateLimit: number;
  maxRateLimit: number;
  /** Seconds of the rate limit that may come at once. */
  burstSeconds: number;
  minBurst: number;
  /** Bytes a packet that the packet limit reckons with: smaller ones run into it before the byte limit. */
  packetBytes: number;
  minPacketRate: number;
  /** Whether what goes to the client is held to the same limits. */
  limitOut: boolean;
  /** Share of limits and buffers that is left of them under pressure, as far as the prediction allows; 1 where there is none. */
  headroom: number;
}

export const DEFAULT_POLICY: SettingsPolicy = {
  bufferScalingFactor: 2,
  rateLimitFactor: 4,
  minBufferSize: 16 * 1024,
  maxBufferSize: 4 * 1024 * 1024,
  minRateLimit: 64 * 1024,
  maxRateLimit: 1024 * 1024 * 1024,
  burstSeconds: 1,
  minBurst: 64 * 1024,
  packetBytes: 64,
  minPacketRate: 1000,
  limitOut: false,
  headroom: 1,
};

/** bytes/s and bytes that no prediction takes away from a function's sessions. */
export interface SettingsPromise {
  rateLimit: number;
  bufferSize: number;
}

/** What is likely to be needed, times the predicted rate: no pressure takes it away. */
const NEEDED = 1.25;

/** The factor that auto stands for where there is no model. */
const PLAIN_FACTOR = 4;
/** Risk from which on a session's limits are tighter, and from which on a client that can is asked for a proof. */
const CAUTION = 0.7;
const STEP_UP = 0.9;

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** What settings are made from. */
export type Prediction = Pick<BehavioralProfile, 'predictedDataRate' | 'predictedSecurityRisk' | 'predictedRateLimit'> &
  Partial<Pick<BehavioralProfile, 'predictedErrors'>>;

const NO_PROMISE: SettingsPromise = { rateLimit: 0, bufferSize: 0 };

/** What risk suggests: the shard, which knows whether the client can answer and what else it did, decides. */
export function levelOf(risk: number): SecurityLevel {
  if (risk >= STEP_UP) return 2;
  return risk >= CAUTION ? 1 : 0;
}

/** bytes/s, from a rate, the limit that the model gives (null: there is none), and the risk. */
export function rateLimitOf(
  rate: number,
  suggested: number | null,
  risk: number,
  policy: SettingsPolicy,
  promise: SettingsPromise = NO_PROMISE,
): number {
  const factor = policy.rateLimitFactor;
  const wanted = factor !== 'auto' ? rate * factor : (suggested ?? rate * PLAIN_FACTOR);
  const eased = policy.headroom < 1 ? Math.min(wanted, Math.max(wanted * policy.headroom, rate * NEEDED)) : wanted;
  const tightened = eased * (levelOf(risk) === 0 ? 1 : 0.5);
  return clamp(
    tightened,
    Math.max(policy.minRateLimit, promise.rateLimit),
    Math.max(policy.maxRateLimit, promise.rateLimit),
  );
}

/** Buffers of a client whose next session is likely to go wrong so are smaller by this: a peer that does not read. */
const SLOW_SHARE = 0.5;
/** And the burst of one that is prone to resets. */
const RESET_SHARE = 0.5;
/** The chance from which a scenario is likely. */
const LIKELY = 0.5;

/**
 * `bufferSize = predictedDataRate * bufferScalingFactor`, `rateLimit = predictedDataRate * rateLimitFactor`, within the
 * operator's bounds, and the level that the risk allows.
 */
export function settingsFor(
  profile: Prediction,
  policy: SettingsPolicy,
  promise: SettingsPromise = NO_PROMISE,
): SocketSettings {
  const { predictedDataRate, predictedSecurityRisk, predictedErrors } = profile;
  const securityLevel = levelOf(predictedSecurityRisk);
  const rateLimit = rateLimitOf(predictedDataRate, profile.predictedRateLimit, predictedSecurityRisk, policy, promise);
  const burstShare = (predictedErrors?.reset ?? 0) > LIKELY ? RESET_SHARE : 1;
  const bufferShare = (predictedErrors?.slow ?? 0) > LIKELY ? SLOW_SHARE : 1;
  const packetRate = Math.round(Math.max(rateLimit / policy.packetBytes, policy.minPacketRate));
  const limits: Limits = {
    rate: Math.round(rateLimit),
    burst: Math.round(Math.max(rateLimit * policy.burstSeconds * burstShare, policy.minBurst)),
    packetRate,
    packetBurst: Math.round(Math.max(packetRate * policy.burstSeconds, policy.minPacketRate)),
  };
  return {
    bufferSize: Math.round(
      clamp(
        predictedDataRate * policy.bufferScalingFactor * bufferShare * policy.headroom,
        Math.max(policy.minBufferSize, promise.bufferSize),
        Math.max(policy.maxBufferSize, promise.bufferSize),
      ),
    ),
    rateLimit: limits.rate,
    burst: limits.burst,
    packetRate: limits.packetRate,
    packetBurst: limits.packetBurst,
    out: policy.limitOut ? limits : null,
    securityLevel,
  };
}

/** Throws, naming the key, where what somebody else chose are no settings. */
export function checkSettings(settings: unknown): asserts settings is SocketSettings {
  if (typeof settings !== 'object' || settings === null) throw new TypeError(`${settings} are no settings`);
  const chosen = settings as Record<keyof SocketSettings, unknown>;
  checkFromZero(chosen, ['bufferSize', 'rateLimit', 'burst', 'packetRate', 'packetBurst']);
  if (chosen.out !== null) checkLimits(Object(chosen.out) as Limits);
  if (![0, 1, 2, 3].includes(chosen.securityLevel as number)) {
    throw new TypeError(`securityLevel is ${inspect(chosen.securityLevel)}, not 0, 1, 2 or 3`);
  }
}

/** The limits of a socket, on what its client sends and on what goes to it. */
export function limitsOf({ rateLimit, burst, packetRate, packetBurst, out }: SocketSettings): {
  in: Limits;
  out: Limits;
} {
  return { in: { rate: rateLimit, burst, packetRate, packetBurst }, out: out ?? NO_LIMITS };
}

/** What a client is told of its socket: JSON has no word for no limit. */
export function settingsToTell(settings: SocketSettings, isEnforced: boolean): TellableSettings {
  const { rateLimit, burst, packetRate, bufferSize, securityLevel } = settings;
  const told = (limit: number): number => Math.min(limit, Number.MAX_SAFE_INTEGER);
  return {
    rateLimit: told(rateLimit),
    burst: told(burst),
    packetRate: told(packetRate),
    bufferSize: told(bufferSize),
    securityLevel,
    mode: isEnforced ? 'enforce' : 'observe',
  };
}

/** What another thread is told of a socket's settings. */
export function publishedLimits(settings: SocketSettings): PublishedLimits {
  return { ...limitsOf(settings), level: settings.securityLevel, bufferSize: settings.bufferSize };
}

/** A limit is written anew when it changed by more than this share. */
const WORTH_WRITING = 0.1;

/** Whether a limit is so far from the one in force that it is to be written. */
export function isWorthWriting(limit: number, inForce: number): boolean {
  return Math.abs(limit - inForce) > inForce * WORTH_WRITING;
}

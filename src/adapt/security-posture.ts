import type { SecurityLevel } from './settings.js';

/** What counts against a client; a prediction does not. */
export type Evidence = 'challenge-failed' | 'limit-broken' | 'malformed' | 'auth-failed' | 'function-refused';

export interface PosturePolicy {
  /** Predicted risk from which on limits are tighter, and from which on a client that can answer is asked to. */
  caution: number;
  stepUp: number;
  /** Points of evidence that lead to level 1, 2 and 3. */
  points: readonly [number, number, number];
  /** Half-life of evidence, s. */
  halfLife: number;
  /** Seconds for which a level stays at least. */
  hold: number;
  /** Seconds for which a client that passed a challenge is not asked again for its predicted risk. */
  trust: number;
}

export const DEFAULT_POSTURE: PosturePolicy = {
  caution: 0.7,
  stepUp: 0.9,
  points: [1, 2, 4],
  halfLife: 30,
  hold: 10,
  trust: 300,
};

const POINTS: Record<Evidence, number> = {
  'challenge-failed': 1.5,
  'limit-broken': 0.15,
  malformed: 0.6,
  'auth-failed': 0.8,
  'function-refused': 0.5,
};
/** A level goes down where what led to it is below so much of what leads to it. */
const HYSTERESIS = 0.7;

/** The level that predicted risk alone leads to; a client that can't answer is not asked. */
export function levelOfRisk(risk: number, canAnswer: boolean, policy: PosturePolicy = DEFAULT_POSTURE): SecurityLevel {
  if (risk >= policy.stepUp && canAnswer) return 2;
  return risk >= policy.caution ? 1 : 0;
}

/**
 * The security level of a session over time: up at once, down by itself when what led there has passed. Predicted risk leads
 * to 1, and to 2 where the client can answer a challenge; 3 takes evidence, which is counted and fades. So a false alarm locks
 * nobody out. Sans-IO: the time goes in, s.
 */
export class SecurityPosture {
  level: SecurityLevel = 0;
  reason = '';
  #points = 0;
  #pointsAt = 0;
  #changedAt = Number.NEGATIVE_INFINITY;
  #trustedUntil = Number.NEGATIVE_INFINITY;
  #last: Evidence | null = null;

  constructor(readonly policy: PosturePolicy = DEFAULT_POSTURE) {}

  /** Points as of now. */
  points(now: number): number {
    return this.#points * 2 ** (-Math.max(0, now - this.#pointsAt) / this.policy.halfLife);
  }

  note(evidence: Evidence, now: number, times = 1): void {
    this.#points = this.points(now) + POINTS[evidence] * times;
    this.#pointsAt = now;
    this.#last = evidence;
  }

  /** The client answered a challenge. */
  passed(now: number): void {
    this.#trustedUntil = now + this.policy.trust;
    this.#points = Math.min(this.points(now), this.policy.points[0] * HYSTERESIS * 0.9);
    this.#pointsAt = now;
    this.#changedAt = Number.NEGATIVE_INFINITY;
  }

  /** Whether a challenge was passed of late. */
  isTrusted(now: number): boolean {
    return now < this.#trustedUntil;
  }

  /** The level from now on, `why` being what is risky. Returns whether it changed. */
  update(risk: number, canAnswer: boolean, now: number, why = ''): boolean {
    const wanted = this.#wanted(risk, canAnswer, now, 1);
    if (wanted > this.level) return this.#set(wanted, risk, now, why);
    if (wanted === this.level || now - this.#changedAt < this.policy.hold) return false;
    const settled = this.#wanted(risk, canAnswer, now, HYSTERESIS);
    return settled < this.level && this.#set(settled, risk, now, why);
  }

  #wanted(risk: number, canAnswer: boolean, now: number, margin: number): SecurityLevel {
    const { points, caution, stepUp } = this.policy;
    const counted = this.points(now);
    let byEvidence: SecurityLevel = 0;
    if (counted >= points[2] * margin) byEvidence = 3;
    else if (counted >= points[1] * margin) byEvidence = canAnswer ? 2 : 1;
    else if (counted >= points[0] * margin) byEvidence = 1;
    const asks = canAnswer && !this.isTrusted(now);
    const byRisk = levelOfRisk(risk, asks, { ...this.policy, caution: caution * margin, stepUp: stepUp * margin });
    return Math.max(byEvidence, byRisk) as SecurityLevel;
  }

  #set(level: SecurityLevel, risk: number, now: number, why: string): boolean {
    const counted = this.points(now);
    const evidence = counted >= this.policy.points[0] * HYSTERESIS && this.#last !== null;
    if (level < this.level)
      this.reason = `risk ${risk.toFixed(2)}, evidence ${counted.toFixed(1)}: what led to level ${this.level} has passed`;
    else if (evidence) this.reason = `evidence ${counted.toFixed(1)}, ${this.#last} last`;
    else this.reason = `predicted risk ${risk.toFixed(2)}${why === '' ? '' : `: ${why}`}`;
    this.level = level;
    this.#changedAt = now;
    return true;
  }
}

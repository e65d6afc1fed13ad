import { randomBytes } from 'node:crypto';
import type { HostMessage } from '../../control/messages.js';
import type { SealPolicy } from './seal-policy.js';
import type { OfferedShare, SealShares } from './seal-shares.js';
import type { HostSeal, SessionSeal } from './session-seal.js';

/** Asks one client to seal its messages, and agrees with it on how. Sans-IO: the time goes in, ms. */
export class SealDemand {
  #open: { id: string; deadline: number; policy: SealPolicy; share: OfferedShare | null } | null = null;

  constructor(
    readonly shares: SealShares,
    readonly session: string,
    readonly seconds: number,
  ) {}

  get isOpen(): boolean {
    return this.#open !== null;
  }

  ask(policy: SealPolicy, reason: string, now: number): Extract<HostMessage, { type: 'seal' }> {
    const id = randomBytes(16).toString('base64url');
    const share = policy.key === null ? this.shares.offer(this.session) : null;
    this.#open = { id, deadline: now + this.seconds * 1000, policy, share };
    const key = share?.key ?? (policy.key as string);
    const signature = share?.signature ?? this.shares.sign(this.session, key);
    return { type: 'seal', id, reason, to: policy.to, key, signature, deadlineMs: this.seconds * 1000 };
  }

  /**
   * The client's answer. Null: it was not asked, or its share is none.
   * @param since when the client may have sent something that is not sealed for the last time
   */
  answer(id: string, clientKey: string, since: number): SessionSeal | null {
    const open = this.#open;
    if (open === null || open.id !== id) return null;
    this.#open = null;
    let host: HostSeal | null;
    try {
      host = open.share?.agree(clientKey) ?? null;
    } catch {
      return null;
    }
    return { policy: open.policy, clientKey, host, since };
  }

  /** Whether the deadline has passed; then the question is closed. */
  isLate(now: number): boolean {
    if (this.#open === null || now < this.#open.deadline) return false;
    this.#open = null;
    return true;
  }
}

import { createHash, randomBytes } from 'node:crypto';
import { proofText, zeroBits } from '../../control/proof-of-work.js';

/** A question that a client has to answer. */
export interface Challenge {
  id: string;
  /** ms of the shard's clock, and since the epoch. */
  deadline: number;
  issuedAt: number;
}

/** Asks one question at a time, and knows the answer. An answer is good once. */
export class Challenger {
  #open: Challenge | null = null;
  /** Until when nothing is asked, ms. */
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(
    readonly workBits: number,
    readonly seconds: number,
  ) {}

  /** Whether a question may be asked: none is open, and none is put off. */
  mayAsk(now: number): boolean {
    return this.#open === null && now >= this.#quietUntil;
  }

  /** Asks nothing before: an answer is being judged, or could not be. */
  putOff(until: number): void {
    this.#quietUntil = until;
  }

  ask(now: number, epoch: number): Challenge {
    this.#open = { id: randomBytes(16).toString('base64url'), deadline: now + this.seconds * 1000, issuedAt: epoch };
    return this.#open;
  }

  /** Takes an answer's name: the challenge that it is to, once; null: it was not asked, or is over. */
  take(id: string): Challenge | null {
    const open = this.#open;
    if (open === null || open.id !== id) return null;
    this.#open = null;
    return open;
  }

  isProof(id: string, nonce: number): boolean {
    return zeroBits(createHash('sha256').update(proofText(id, nonce)).digest()) >= this.workBits;
  }

  /** Whether the deadline has passed; then the question is closed. */
  isLate(now: number): boolean {
    if (this.#open === null || now < this.#open.deadline) return false;
    this.#open = null;
    return true;
  }
}

import { addressPrefix } from './address-prefix.js';

export interface HandshakeLimits {
  /** Handshakes in flight, and failed within a second or so, above which clients must prove their address (Retry, RFC 9000 section 8.1.2). */
  retryAbove: number;
  /** Handshakes in flight at most. */
  max: number;
  /** Handshakes in flight of one address prefix at most. */
  maxPerPrefix: number;
  /** A handshake older than this (ms) gives way to a new one of a proven address when the table is full. */
  evictAfterMs: number;
}

export type HandshakeVerdict = 'accept' | 'retry' | 'refuse-full' | 'refuse-prefix';

/** ms in which a failed handshake fades to a third. */
const FAILED_FADES_MS = 1000;

interface InFlight {
  prefix: string;
  startedAt: number;
}

/**
 * Who may begin a handshake. Handshakes are kept in order of their start (a Map keeps insertion order), so the oldest
 * can give way: a crowd that begins handshakes and never ends them holds no place for long. What is no handshake at all fails
 * at once and is never in flight, but costs as much to begin: those that failed lately count too.
 */
export class HandshakeLimiter {
  readonly #inFlight = new Map<number, InFlight>();
  readonly #perPrefix = new Map<string, number>();
  #failed = 0;
  #failedAt = 0;

  constructor(readonly limits: HandshakeLimits) {}

  get size(): number {
    return this.#inFlight.size;
  }

  /** Handshakes that failed lately, each counting less by the time. */
  #failedLately(now: number): number {
    return this.#failed * Math.exp(Math.min(0, this.#failedAt - now) / FAILED_FADES_MS);
  }

  judge(address: string, addressProven: boolean, now: number): HandshakeVerdict {
    if (!addressProven && this.#inFlight.size + this.#failedLately(now) >= this.limits.retryAbove) return 'retry';
    if ((this.#perPrefix.get(addressPrefix(address)) ?? 0) >= this.limits.maxPerPrefix) return 'refuse-prefix';
    if (this.#inFlight.size >= this.limits.max) return 'refuse-full';
    return 'accept';
  }

  /** A connection whose handshake is old enough to give way, or -1. */
  evictable(now: number): number {
    for (const [index, { startedAt }] of this.#inFlight) {
      return now - startedAt >= this.limits.evictAfterMs ? index : -1;
    }
    return -1;
  }

  /** The oldest handshake of `address`'s prefix that may give way, or -1. */
  evictableOfPrefix(address: string, now: number): number {
    const prefix = addressPrefix(address);
    for (const [index, entry] of this.#inFlight) {
      if (now - entry.startedAt < this.limits.evictAfterMs) return -1;
      if (entry.prefix === prefix) return index;
    }
    return -1;
  }

  begin(index: number, address: string, now: number): void {
    const prefix = addressPrefix(address);
    this.#inFlight.set(index, { prefix, startedAt: now });
    this.#perPrefix.set(prefix, (this.#perPrefix.get(prefix) ?? 0) + 1);
  }

  /** A connection is gone: if it was in flight its handshake failed. */
  gone(index: number, now: number): void {
    if (!this.#inFlight.has(index)) return;
    this.#failed = this.#failedLately(now) + 1;
    this.#failedAt = Math.max(this.#failedAt, now);
    this.end(index);
  }

  end(index: number): void {
    const entry = this.#inFlight.get(index);
    if (entry === undefined) return;
    this.#inFlight.delete(index);
    const left = (this.#perPrefix.get(entry.prefix) ?? 1) - 1;
    if (left > 0) this.#perPrefix.set(entry.prefix, left);
    else this.#perPrefix.delete(entry.prefix);
  }
}

import { RecentMap } from '../core/recent-map.js';
import { addressPrefix } from './address-prefix.js';
import { FadingCount } from './fading-count.js';

export interface HandshakeLimits {
  /** Handshakes in flight, and failed within a second or so, above which clients must prove their address (Retry, RFC 9000 section 8.1.2). */
  retryAbove: number;
  /** Handshakes in flight at most. */
  max: number;
  /** Handshakes in flight of one address prefix at most, and that fail within a second or so. */
  maxPerPrefix: number;
  /** A handshake older than this (ms) gives way to a new one of a proven address when the table is full. */
  evictAfterMs: number;
}

export type HandshakeVerdict = 'accept' | 'retry' | 'refuse-full' | 'refuse-prefix' | 'refuse-failing';

/** Address prefixes whose failed handshakes are known. */
const PREFIXES = 1000;

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
  readonly #failed = new FadingCount();
  readonly #failedOf = new RecentMap<string, FadingCount>(PREFIXES);

  constructor(readonly limits: HandshakeLimits) {}

  get size(): number {
    return this.#inFlight.size;
  }

  judge(address: string, addressProven: boolean, now: number): HandshakeVerdict {
    const { retryAbove, maxPerPrefix } = this.limits;
    if (!addressProven && this.#inFlight.size + this.#failed.lately(now) >= retryAbove) return 'retry';
    const prefix = addressPrefix(address);
    if ((this.#failedOf.get(prefix)?.lately(now) ?? 0) >= maxPerPrefix) return 'refuse-failing';
    if ((this.#perPrefix.get(prefix) ?? 0) >= maxPerPrefix) return 'refuse-prefix';
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
    const entry = this.#inFlight.get(index);
    if (entry === undefined) return;
    this.#failed.add(now);
    const ofPrefix = this.#failedOf.get(entry.prefix) ?? new FadingCount();
    ofPrefix.add(now);
    this.#failedOf.set(entry.prefix, ofPrefix);
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

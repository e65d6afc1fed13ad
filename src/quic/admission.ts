import type { CidCodec } from './connection-id.js';
import { CountLimit } from './count-limit.js';
import type { QuicCounters } from './engine.js';
import { HandshakeLimiter } from './handshake-limiter.js';
import type { QuicServerOptions } from './options.js';
import { PrefixShares } from './prefix-shares.js';
import { RetryTokens } from './retry-token.js';

/** What becomes of a first packet. `originalDcid` is set where a Retry token proved the address. */
export type Admission =
  | { action: 'accept'; originalDcid: Uint8Array | null }
  | { action: 'retry' }
  | { action: 'drop' };

const DROP: Admission = { action: 'drop' };

/**
 * Answers a second to those whose addresses nobody has proven (Retry, Version Negotiation), and at once: a tenth of a processor,
 * and several times the handshakes that one can do. Under a flood of first packets the rest is for those who are there; who is no
 * flood asks again.
 */
const ANSWERS_PER_SECOND = 5000;

/** A first packet, as far as admission looks at it. */
export interface Knock {
  dcid: Uint8Array;
  /** Empty where it has none. */
  token: Uint8Array;
  address: string;
  port: number;
}

/** How those go that others take the place of, by their index. */
export interface Eviction {
  /** Ends a handshake without a word. */
  drop(index: number): void;
  /** Ends a connection at once, and says so to its peer. */
  close(index: number, now: number): void;
}

/**
 * Who may begin a handshake: the cap on connections, where the prefix with most of them gives way to others; Retry tokens (RFC 9000
 * section 8.1.2); and the limits on handshakes in flight, where the oldest gives way. To a client that proved its address, both.
 */
export class AdmissionControl {
  readonly limiter: HandshakeLimiter;
  readonly tokens: RetryTokens;
  readonly #shares: PrefixShares<number>;
  readonly #answers = new CountLimit(ANSWERS_PER_SECOND, ANSWERS_PER_SECOND, 0);

  constructor(
    readonly options: Pick<QuicServerOptions, 'handshakes' | 'maxConnections' | 'retryKeys'>,
    readonly codec: CidCodec,
    readonly counters: QuicCounters,
    readonly eviction: Eviction,
  ) {
    this.#shares = new PrefixShares(options.maxConnections);
    this.limiter = new HandshakeLimiter(options.handshakes);
    this.tokens = new RetryTokens(options.retryKeys);
  }

  judge(knock: Knock, now: number, epochMs: number): Admission {
    const { dcid, token, address, port } = knock;
    const originalDcid = token.length === 0 ? null : this.tokens.verify(token, dcid, address, port, epochMs);
    // A token for an ID of ours that does not hold was forged, replayed or came too late.
    if (originalDcid === null && token.length > 0 && this.codec.decode(dcid, 0) !== null) {
      this.counters.refusedToken++;
      return DROP;
    }
    const proven = originalDcid !== null;
    if (this.counters.connections >= this.options.maxConnections) {
      if (!proven) return this.#retry(now);
      if (!this.#makePlaces(address, now)) {
        this.counters.refusedFull++;
        return DROP;
      }
    }
    switch (this.limiter.judge(address, proven, now)) {
      case 'accept':
        break;
      case 'retry':
        return this.#retry(now);
      case 'refuse-failing':
        this.counters.refusedPrefix++;
        return DROP;
      case 'refuse-prefix':
        if (!proven || !this.#makeRoom(this.limiter.evictableOfPrefix(address, now))) {
          this.counters.refusedPrefix++;
          return DROP;
        }
        break;
      case 'refuse-full':
        if (!proven || !this.#makeRoom(this.limiter.evictable(now))) {
          this.counters.refusedFull++;
          return DROP;
        }
        break;
    }
    return { action: 'accept', originalDcid };
  }

  #retry(now: number): Admission {
    return this.mayAnswer(now) ? { action: 'retry' } : DROP;
  }

  /** Whether a stranger is to be answered now. */
  mayAnswer(now: number): boolean {
    const isIn = this.#answers.take(now);
    if (!isIn) this.counters.answersHeld++;
    return isIn;
  }

  /** Where one prefix has most of the places, some of its connections go. */
  #makePlaces(address: string, now: number): boolean {
    const givers = this.#shares.givers(address);
    for (const index of givers) this.eviction.close(index, now);
    this.counters.evictedConnections += givers.length;
    return givers.length > 0;
  }

  #makeRoom(index: number): boolean {
    if (index < 0) return false;
    this.counters.evictedHandshakes++;
    this.eviction.drop(index);
    return true;
  }

  begin(index: number, address: string, now: number): void {
    this.#shares.add(index, address);
    this.limiter.begin(index, address, now);
    this.counters.handshakes = this.limiter.size;
  }

  /** Its handshake is over. */
  end(index: number): void {
    this.limiter.end(index);
    this.counters.handshakes = this.limiter.size;
  }

  /** A connection is gone. */
  gone(index: number, now: number): void {
    this.limiter.gone(index, now);
    this.counters.handshakes = this.limiter.size;
    this.#shares.delete(index);
  }
}

import type { CidCodec } from './connection-id.js';
import type { QuicCounters } from './engine.js';
import { HandshakeLimiter } from './handshake-limiter.js';
import type { QuicServerOptions } from './options.js';
import { RetryTokens } from './retry-token.js';

/** What becomes of a first packet. `originalDcid` is set where a Retry token proved the address. */
export type Admission =
  | { action: 'accept'; originalDcid: Uint8Array | null }
  | { action: 'retry' }
  | { action: 'drop' };

const DROP: Admission = { action: 'drop' };

/** A first packet, as far as admission looks at it. */
export interface Knock {
  dcid: Uint8Array;
  /** Empty where it has none. */
  token: Uint8Array;
  address: string;
  port: number;
}

/**
 * Who may begin a handshake: the cap on connections, Retry tokens (RFC 9000 section 8.1.2), and the limits on handshakes
 * in flight, where the oldest gives way to a client that proved its address.
 */
export class AdmissionControl {
  readonly limiter: HandshakeLimiter;
  readonly tokens: RetryTokens;

  constructor(
    readonly options: Pick<QuicServerOptions, 'handshakes' | 'maxConnections' | 'retryKeys'>,
    readonly codec: CidCodec,
    readonly counters: QuicCounters,
    /** Ends the handshake of a connection. */
    readonly evict: (index: number) => void,
  ) {
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
    if (this.counters.connections >= this.options.maxConnections) {
      this.counters.refusedFull++;
      return DROP;
    }
    const proven = originalDcid !== null;
    switch (this.limiter.judge(address, proven)) {
      case 'accept':
        break;
      case 'retry':
        return { action: 'retry' };
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

  #makeRoom(index: number): boolean {
    if (index < 0) return false;
    this.counters.evictedHandshakes++;
    this.evict(index);
    return true;
  }

  begin(index: number, address: string, now: number): void {
    this.limiter.begin(index, address, now);
    this.counters.handshakes = this.limiter.size;
  }

  end(index: number): void {
    this.limiter.end(index);
    this.counters.handshakes = this.limiter.size;
  }
}

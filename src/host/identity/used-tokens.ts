import { createHash } from 'node:crypto';
import type { Redis } from 'iovalkey';
import { isShared } from '../../profile/store/valkey-url.js';
import type { Log } from '../prediction/messages.js';

/** Where hosts that share a store say which tokens were used, by a hash. */
const USED = 'tidegate:used:';
/** Tokens that are remembered here. */
const MOST = 100_000;

/**
 * Which tokens were used that open one session each: known to all hosts that share a store, and to those that are started again.
 * While Valkey is away each host knows of its own alone, as without it.
 */
export class UsedTokens {
  /** When they are over, ms since the epoch, in the order of use. */
  readonly #ends = new Map<string, number>();
  #redis: Promise<Redis | null> | null = null;
  #isLost = false;

  /** @param store as in the configuration */
  constructor(
    readonly store: string,
    readonly log: Log,
  ) {}

  /** Takes note that a token is used, which is over at `end`. Resolves with false where it was before. Times in ms since the epoch. */
  async use(token: string, end: number, now: number): Promise<boolean> {
    for (const [used, itsEnd] of this.#ends) {
      if (itsEnd > now && this.#ends.size < MOST) break;
      this.#ends.delete(used);
    }
    if (this.#ends.has(token)) return false;
    this.#ends.set(token, end);
    return await this.#useEverywhere(token, Math.max(1, Math.ceil(end - now)));
  }

  async #useEverywhere(token: string, forMs: number): Promise<boolean> {
    this.#redis ??= this.#connect();
    const redis = await this.#redis;
    if (redis === null) return true;
    try {
      const key = USED + createHash('sha256').update(token).digest('base64url');
      const isFirst = (await redis.set(key, '', 'PX', forMs, 'NX')) === 'OK';
      this.#isLost = false;
      return isFirst;
    } catch (error) {
      if (!this.#isLost) {
        this.log('warn', 'tokens that other hosts saw may be used again', { error: (error as Error).message });
      }
      this.#isLost = true;
      return true;
    }
  }

  async #connect(): Promise<Redis | null> {
    if (!isShared(this.store)) return null;
    // Valkey's client takes a while to load: only who has one waits.
    const { askingValkey } = await import('../../profile/store/valkey-asking.js');
    const { redis, connected } = askingValkey(this.store);
    await connected;
    return redis;
  }

  async close(): Promise<void> {
    (await this.#redis)?.disconnect();
  }
}

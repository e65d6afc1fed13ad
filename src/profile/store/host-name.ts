import { randomUUID } from 'node:crypto';
import type { Redis } from 'iovalkey';

/** Where hosts say which names are theirs. */
const LEASE = 'tidegate:host:';
/** ms for which a name is a host's that says nothing more. */
const LEASE_MS = 60_000;
const RENEW_MS = 15_000;
/** Renewals after which one that is held by another is not just what a host that was killed left. */
const SURE = 6;

/**
 * The name under which a host counts in a store that it shares. By its number where it has one; else the first that nobody has, as
 * hosts that are started from one template (pods) can't be told apart by their configuration. What a host counted that is
 * gone goes on under its name with the next, so that there are no more of them than hosts at a time.
 */
export class HostName {
  readonly #token = randomUUID();
  readonly #timer: NodeJS.Timeout;
  #name: string | null;
  #taking: Promise<string> | null = null;
  /** Renewals in a row at which somebody else held the name. */
  #contested = 0;

  /** @param hostId 0: it has no number. */
  constructor(
    readonly redis: Redis,
    readonly hostId: number,
    readonly log: (level: 'info' | 'warn', message: string, detail: Record<string, unknown>) => void,
    renewMs = RENEW_MS,
  ) {
    this.#name = hostId > 0 ? `h${hostId}` : null;
    this.#timer = setInterval(() => void this.#renew().catch(() => {}), renewMs);
    this.#timer.unref();
  }

  /** Rejects where the server is not there. */
  async get(): Promise<string> {
    if (this.#name !== null) return this.#name;
    this.#taking ??= this.#first().finally(() => {
      this.#taking = null;
    });
    return await this.#taking;
  }

  async #first(): Promise<string> {
    for (let number = 0; ; number++) {
      const name = `a${number}`;
      if (!(await this.#take(name))) continue;
      this.#name = name;
      return name;
    }
  }

  /** Takes a name that is free, or holds one on. Without a script: not every server lets its users run some. */
  async #take(name: string): Promise<boolean> {
    const key = LEASE + name;
    if ((await this.redis.set(key, this.#token, 'PX', LEASE_MS, 'NX')) === 'OK') return true;
    if (!(await this.#holds(key))) return false;
    await this.redis.pexpire(key, LEASE_MS);
    return true;
  }

  async #holds(key: string): Promise<boolean> {
    return (await this.redis.get(key)) === this.#token;
  }

  /** Says that the name is still this host's. */
  async #renew(): Promise<void> {
    const name = this.#name;
    if (name === null) return;
    if (await this.#take(name)) {
      this.#contested = 0;
      return;
    }
    if (this.hostId === 0) {
      // It was away for longer than its lease.
      this.log('warn', 'another host took its name in the store: it takes another', { name });
      this.#name = null;
    } else if (++this.#contested === SURE) {
      this.log('warn', 'another host of this store has the same hostId: what the two count is lost', {
        hostId: this.hostId,
      });
    }
  }

  /** Free for another, at once. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#name === null) return;
    const key = LEASE + this.#name;
    try {
      if (await this.#holds(key)) await this.redis.del(key);
    } catch {
      // It is free when its time is over.
    }
  }
}

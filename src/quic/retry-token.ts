import { createHmac, timingSafeEqual } from 'node:crypto';

const VERSION = 1;
const HEAD = 1 + 6 + 1;
const TAG = 16;

/**
 * Tokens of Retry packets (RFC 9000 section 8.1.2): they prove that a client can receive at its address, without state
 * here. Layout: version (1), time of issue (6 bytes, ms since the epoch), length of the original destination ID (1),
 * that ID, then HMAC-SHA-256 cut to 16 bytes over all of it, the address and the Retry's connection ID.
 */
export class RetryTokens {
  constructor(
    /** The first signs, all verify. */
    readonly keys: readonly Uint8Array[],
    readonly lifetimeMs = 10_000,
  ) {}

  issue(originalDcid: Uint8Array, retryScid: Uint8Array, address: string, port: number, epochMs: number): Uint8Array {
    const token = new Uint8Array(HEAD + originalDcid.length + TAG);
    token[0] = VERSION;
    let rest = epochMs;
    for (let i = 6; i >= 1; i--) {
      token[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    token[7] = originalDcid.length;
    token.set(originalDcid, HEAD);
    token.set(
      this.#tag(this.keys[0], token.subarray(0, token.length - TAG), retryScid, address, port),
      token.length - TAG,
    );
    return token;
  }

  /** The original destination ID, or null where the token is not ours, expired, or another address's. */
  verify(token: Uint8Array, retryScid: Uint8Array, address: string, port: number, epochMs: number): Uint8Array | null {
    if (token.length < HEAD + TAG || token[0] !== VERSION || token.length !== HEAD + token[7] + TAG) return null;
    let issued = 0;
    for (let i = 1; i <= 6; i++) issued = issued * 256 + token[i];
    if (epochMs - issued > this.lifetimeMs || issued - epochMs > this.lifetimeMs) return null;
    const body = token.subarray(0, token.length - TAG);
    const tag = token.subarray(token.length - TAG);
    for (const key of this.keys) {
      if (timingSafeEqual(tag, this.#tag(key, body, retryScid, address, port)))
        return token.slice(HEAD, HEAD + token[7]);
    }
    return null;
  }

  #tag(key: Uint8Array, body: Uint8Array, retryScid: Uint8Array, address: string, port: number): Uint8Array {
    const hmac = createHmac('sha256', key).update(body).update(retryScid).update(`${address}|${port}`);
    return hmac.digest().subarray(0, TAG);
  }
}

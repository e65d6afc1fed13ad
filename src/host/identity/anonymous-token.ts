import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 16;
const DAY_BYTES = 4;
const TAG_BYTES = 16;
const BYTES = ID_BYTES + DAY_BYTES + TAG_BYTES;
const DAY_MS = 86_400_000;

export type TokenProblem = 'token-invalid' | 'token-expired';

function tag(key: Uint8Array, body: Uint8Array): Buffer {
  return createHmac('sha256', key).update('tidegate token').update(body).digest().subarray(0, TAG_BYTES);
}

/**
 * Tokens by which a client that names itself not is known again: 16 random bytes, the day of issue, and a tag that only a
 * host with the key can make. Nothing is kept of them; who has one is its client.
 */
export class AnonymousTokens {
  /** @param keys newest first: the first issues, all are understood. */
  constructor(
    public keys: readonly Uint8Array[],
    readonly validDays: number,
  ) {}

  /** A token for one who has none, or the same client's with today's date. */
  issue(now: number, id: string | null = null): string {
    const body = Buffer.alloc(ID_BYTES + DAY_BYTES);
    if (id === null) randomBytes(ID_BYTES).copy(body);
    else Buffer.from(id, 'base64url').copy(body);
    body.writeUInt32BE(Math.floor(now / DAY_MS), ID_BYTES);
    return Buffer.concat([body, tag(this.keys[0], body)]).toString('base64url');
  }

  /** Who a token is of, or what is wrong with it. */
  read(token: string, now: number): { id: string } | { problem: TokenProblem } {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== BYTES || bytes.toString('base64url') !== token) return { problem: 'token-invalid' };
    const body = bytes.subarray(0, ID_BYTES + DAY_BYTES);
    const given = bytes.subarray(ID_BYTES + DAY_BYTES);
    if (!this.keys.some((key) => timingSafeEqual(given, tag(key, body)))) return { problem: 'token-invalid' };
    const age = Math.floor(now / DAY_MS) - body.readUInt32BE(ID_BYTES);
    if (age > this.validDays || age < -1) return { problem: 'token-expired' };
    return { id: body.subarray(0, ID_BYTES).toString('base64url') };
  }
}

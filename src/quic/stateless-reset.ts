import { createHmac, randomBytes } from 'node:crypto';
import { CID_LENGTH } from './connection-id.js';

/** A second's resets at most, so that we can't be made to speak more than we hear. */
const MAX_PER_SECOND = 100;
/** RFC 9000 section 10.3: at least 21 bytes, or it is no reset; and like a packet in length. */
const MIN_LENGTH = 21;
const MAX_LENGTH = 43;
const TOKEN = 16;

/** RFC 9000 section 10.3.2: HMAC-SHA-256 of the connection ID, cut to 16 bytes. */
export function statelessResetToken(key: Uint8Array, id: Uint8Array): Buffer {
  return createHmac('sha256', key).update(id).digest().subarray(0, TOKEN);
}

/** Answers packets of connections that are gone (RFC 9000 section 10.3), so many a second. */
export class StatelessResets {
  #second = 0;
  #sent = 0;

  constructor(readonly key: Uint8Array) {}

  /** The reset for a short-header packet with an ID of ours, or null where there shall be none. */
  answer(packet: Uint8Array, now: number): Uint8Array | null {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#sent = 0;
    }
    // Shorter than what it answers: two endpoints can't go on resetting each other for ever.
    if (packet.length <= MIN_LENGTH || this.#sent >= MAX_PER_SECOND) return null;
    this.#sent++;
    const reset = randomBytes(Math.min(packet.length - 1, MAX_LENGTH));
    reset[0] = (reset[0] & 0x3f) | 0x40;
    reset.set(statelessResetToken(this.key, packet.subarray(1, 1 + CID_LENGTH)), reset.length - TOKEN);
    return reset;
  }
}

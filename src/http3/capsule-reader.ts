import { readVarint } from '../quic/varint.js';
import { H3Error, H3StreamError } from './errors.js';
import { encodeFrame } from './frame-writer.js';

/** Capsule types: RFC 9297 section 3.5, draft-ietf-webtrans-http3 section 9.6. */
export const Capsule = {
  DATAGRAM: 0x00,
  CLOSE_WEBTRANSPORT_SESSION: 0x2843,
  DRAIN_WEBTRANSPORT_SESSION: 0x78ae,
} as const;

/** Longest reason of a close, bytes (draft-ietf-webtrans-http3 section 6). */
export const MAX_CLOSE_REASON = 1024;
const MAX_CAPSULE = 65536;
const KNOWN = new Set<number>(Object.values(Capsule));

/** Cuts the DATA of a CONNECT stream into capsules; unknown ones are passed over (RFC 9297 section 3.2). */
export class CapsuleReader {
  #head = new Uint8Array(16);
  #headLength = 0;
  #type = -1;
  #left = 0;
  #value: Uint8Array | null = null;
  #valueLength = 0;

  constructor(readonly onCapsule: (type: number, value: Uint8Array) => void) {}

  /** True between capsules: the stream may end here. */
  get atBoundary(): boolean {
    return this.#headLength === 0 && this.#type < 0;
  }

  /** Throws {@link H3StreamError} where a known capsule is too long. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#type < 0) {
        this.#head[this.#headLength++] = bytes[at++];
        const type = readVarint(this.#head, 0, this.#headLength);
        if (type < 0) continue;
        const length = readVarint(this.#head, 1 << (this.#head[0] >> 6), this.#headLength);
        if (length >= 0) this.#begin(type, length);
      } else {
        const take = Math.min(this.#left, bytes.length - at);
        this.#value?.set(bytes.subarray(at, at + take), this.#valueLength);
        this.#valueLength += take;
        this.#left -= take;
        at += take;
        if (this.#left === 0) this.#finish();
      }
    }
  }

  #begin(type: number, length: number): void {
    this.#headLength = 0;
    this.#type = type;
    this.#left = length;
    this.#valueLength = 0;
    if (KNOWN.has(type)) {
      if (length > MAX_CAPSULE) throw new H3StreamError(H3Error.EXCESSIVE_LOAD, `a capsule of ${length} bytes`);
      this.#value = new Uint8Array(length);
    }
    if (length === 0) this.#finish();
  }

  #finish(): void {
    const type = this.#type;
    const value = this.#value;
    this.#type = -1;
    this.#value = null;
    if (value !== null) this.onCapsule(type, value);
  }
}

export function encodeClose(code: number, reason: string): Uint8Array {
  return encodeFrame(Capsule.CLOSE_WEBTRANSPORT_SESSION, encodeCloseValue(code, reason));
}

/** What a close capsule holds: the code, and the reason as far as it may go. */
export function encodeCloseValue(code: number, reason: string): Uint8Array {
  const text = truncateUtf8(reason, MAX_CLOSE_REASON);
  const value = new Uint8Array(4 + text.length);
  new DataView(value.buffer).setUint32(0, code >>> 0);
  value.set(text, 4);
  return value;
}

/** Code and reason of a close capsule; throws {@link H3StreamError} where it is malformed. */
export function decodeClose(value: Uint8Array): { code: number; reason: string } {
  if (value.length < 4 || value.length > 4 + MAX_CLOSE_REASON) {
    throw new H3StreamError(H3Error.MESSAGE_ERROR, 'malformed close capsule');
  }
  const code = new DataView(value.buffer, value.byteOffset).getUint32(0);
  return { code, reason: new TextDecoder().decode(value.subarray(4)) };
}

/** The first `max` bytes of `text`'s UTF-8, cut between characters. */
function truncateUtf8(text: string, max: number): Uint8Array {
  const out = new Uint8Array(max);
  const { written } = new TextEncoder().encodeInto(text, out);
  return out.subarray(0, written);
}

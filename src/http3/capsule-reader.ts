import { H3Error, H3StreamError } from './errors.js';
import { encodeFrame } from './frame-writer.js';
import { TlvCutter } from './tlv-cutter.js';

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
  readonly #cutter = new TlvCutter({
    begin: (type, length) => this.#begin(type, length),
    push: (part, isLast) => this.#gather(part, isLast),
  });
  #type = 0;
  /** Null where nobody knows the type. */
  #value: Uint8Array | null = null;
  #valueLength = 0;

  constructor(readonly onCapsule: (type: number, value: Uint8Array) => void) {}

  /** True between capsules: the stream may end here. */
  get atBoundary(): boolean {
    return this.#cutter.atBoundary;
  }

  /** Throws {@link H3StreamError} where a known capsule is too long. */
  push(bytes: Uint8Array): void {
    this.#cutter.push(bytes);
  }

  #begin(type: number, length: number): void {
    this.#type = type;
    this.#value = null;
    if (!KNOWN.has(type)) return;
    if (length > MAX_CAPSULE) throw new H3StreamError(H3Error.EXCESSIVE_LOAD, `a capsule of ${length} bytes`);
    this.#value = new Uint8Array(length);
    this.#valueLength = 0;
  }

  #gather(part: Uint8Array, isLast: boolean): void {
    const value = this.#value;
    if (value === null) return;
    value.set(part, this.#valueLength);
    this.#valueLength += part.length;
    if (!isLast) return;
    this.#value = null;
    this.onCapsule(this.#type, value);
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

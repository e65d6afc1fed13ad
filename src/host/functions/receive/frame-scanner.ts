import { varintLength, writeVarint } from '../../../quic/varint.js';
import { type Framing, patternBytes } from './criteria.js';

/** Where a message is in a buffer: the payload, and where the next begins. */
export interface FrameSpan {
  from: number;
  to: number;
  next: number;
}

export type ScanResult = 'message' | 'incomplete' | 'too-long';

const LENGTH_BYTES = { u8: 1, u16: 2, u32: 4 } as const;

/** Finds messages in a byte stream. One object a stream; the span is used again by the next call. */
export class FrameScanner {
  readonly span: FrameSpan = { from: 0, to: 0, next: 0 };
  readonly #delimiter: Uint8Array | null;
  /** Bytes behind `start` in which no delimiter begins. */
  #searched = 0;

  constructor(
    readonly framing: Framing,
    readonly maxMessage: number,
  ) {
    this.#delimiter = typeof framing === 'object' ? patternBytes(framing.delimiter) : null;
  }

  /** Looks for a message from `start` on. */
  scan(bytes: Uint8Array, start: number, end: number): ScanResult {
    if (this.framing === 'none') return end - start > this.maxMessage ? 'too-long' : 'incomplete';
    return this.#delimiter === null
      ? this.#prefixed(bytes, start, end)
      : this.#delimited(this.#delimiter, bytes, start, end);
  }

  #prefixed(bytes: Uint8Array, start: number, end: number): ScanResult {
    if (start >= end) return 'incomplete';
    const size =
      this.framing === 'varint' ? 1 << (bytes[start] >> 6) : LENGTH_BYTES[this.framing as keyof typeof LENGTH_BYTES];
    if (end - start < size) return 'incomplete';
    let length = this.framing === 'varint' ? bytes[start] & 0x3f : bytes[start];
    for (let i = 1; i < size; i++) length = length * 256 + bytes[start + i];
    if (length > this.maxMessage) return 'too-long';
    if (end - start - size < length) return 'incomplete';
    this.span.from = start + size;
    this.span.to = start + size + length;
    this.span.next = this.span.to;
    return 'message';
  }

  #delimited(delimiter: Uint8Array, bytes: Uint8Array, start: number, end: number): ScanResult {
    const last = end - delimiter.length;
    for (let at = start + this.#searched; at <= last; at++) {
      let i = 0;
      while (i < delimiter.length && bytes[at + i] === delimiter[i]) i++;
      if (i < delimiter.length) continue;
      if (at - start > this.maxMessage) return 'too-long';
      this.#searched = 0;
      this.span.from = start;
      this.span.to = at;
      this.span.next = at + delimiter.length;
      return 'message';
    }
    this.#searched = Math.max(0, last + 1 - start);
    return this.#searched > this.maxMessage ? 'too-long' : 'incomplete';
  }
}

/** Longest payload behind a varint of four bytes (RFC 9000 section 16): longer ones are nobody's messages. */
const MOST_VARINT = 2 ** 30 - 1;

/** A payload with its frame around it, as the other side's scanner finds it. Throws RangeError where it is too long for one. */
export function framed(framing: Framing, payload: Uint8Array): Uint8Array {
  if (framing === 'none') return payload;
  if (typeof framing === 'object') {
    const delimiter = patternBytes(framing.delimiter);
    const out = new Uint8Array(payload.length + delimiter.length);
    out.set(payload);
    out.set(delimiter, payload.length);
    return out;
  }
  const { length } = payload;
  const isVarint = framing === 'varint';
  const size = isVarint ? varintLength(length) : LENGTH_BYTES[framing as keyof typeof LENGTH_BYTES];
  if (length > (isVarint ? MOST_VARINT : 256 ** size - 1)) {
    throw new RangeError(`a message of ${length} bytes is too long for a frame of ${framing}`);
  }
  const out = new Uint8Array(size + length);
  if (isVarint) writeVarint(out, 0, length);
  else for (let i = 0; i < size; i++) out[i] = Math.floor(length / 256 ** (size - 1 - i)) % 256;
  out.set(payload, size);
  return out;
}

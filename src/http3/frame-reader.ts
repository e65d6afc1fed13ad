import { readVarint } from '../quic/varint.js';
import { H3ConnectionError, H3Error } from './errors.js';

/** Frame types, RFC 9114 section 7.2. */
export const Frame = {
  DATA: 0x00,
  HEADERS: 0x01,
  CANCEL_PUSH: 0x03,
  SETTINGS: 0x04,
  PUSH_PROMISE: 0x05,
  GOAWAY: 0x07,
  MAX_PUSH_ID: 0x0d,
  /** Not a frame: a bidirectional stream of WebTransport begins with it (draft-ietf-webtrans-http3 section 4.2). */
  WEBTRANSPORT_STREAM: 0x41,
} as const;

/** The frames of RFC 9114: those that a stream gathers; others are passed over (section 9). */
export const KNOWN_FRAMES: ReadonlySet<number> = new Set([
  Frame.DATA,
  Frame.HEADERS,
  Frame.CANCEL_PUSH,
  Frame.SETTINGS,
  Frame.PUSH_PROMISE,
  Frame.GOAWAY,
  Frame.MAX_PUSH_ID,
]);

/** Frame types of HTTP/2 that HTTP/3 forbids (RFC 9114 section 7.2.8). */
const RESERVED = new Set([0x02, 0x06, 0x08, 0x09]);

export interface FrameSink {
  /** A part of a DATA frame's payload; the buffer is used again afterwards. */
  onData(bytes: Uint8Array): void;
  /** A whole frame other than DATA; unknown types are passed over before. */
  onFrame(type: number, payload: Uint8Array): void;
}

/**
 * Cuts a stream's bytes into frames (RFC 9114 section 7.1), the way they come. DATA is passed on in pieces, others are
 * gathered up to `maxFrame` bytes.
 */
export class FrameReader {
  #head = new Uint8Array(16);
  #headLength = 0;
  #type = -1;
  #left = 0;
  #gathered: Uint8Array | null = null;
  #gatheredLength = 0;
  /** The reader takes no more: the caller found the end of what are frames. */
  stopped = false;

  constructor(
    readonly sink: FrameSink,
    readonly maxFrame: number,
    /** Types that are gathered for the sink; others are passed over. */
    readonly known: ReadonlySet<number>,
  ) {}

  /** True between frames: the stream may end here. */
  get atBoundary(): boolean {
    return this.#headLength === 0 && this.#type < 0;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.stopped) {
      if (this.#type < 0) at = this.#readHead(bytes, at);
      else at = this.#readPayload(bytes, at);
    }
  }

  #readHead(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length) {
      this.#head[this.#headLength++] = bytes[at++];
      const type = readVarint(this.#head, 0, this.#headLength);
      if (type < 0) continue;
      const typeLength = 1 << (this.#head[0] >> 6);
      const length = readVarint(this.#head, typeLength, this.#headLength);
      if (length < 0) continue;
      this.#begin(type, length);
      return at;
    }
    return at;
  }

  #begin(type: number, length: number): void {
    this.#headLength = 0;
    if (RESERVED.has(type)) {
      throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, `frame type ${type} belongs to HTTP/2`);
    }
    this.#type = type;
    this.#left = length;
    if (type !== Frame.DATA && this.known.has(type)) {
      if (length > this.maxFrame) throw new H3ConnectionError(H3Error.EXCESSIVE_LOAD, `a frame of ${length} bytes`);
      this.#gathered = new Uint8Array(length);
      this.#gatheredLength = 0;
    }
    if (length === 0) this.#finish();
  }

  #readPayload(bytes: Uint8Array, at: number): number {
    const take = Math.min(this.#left, bytes.length - at);
    const part = bytes.subarray(at, at + take);
    this.#left -= take;
    if (this.#type === Frame.DATA) {
      this.sink.onData(part);
    } else if (this.#gathered !== null) {
      this.#gathered.set(part, this.#gatheredLength);
      this.#gatheredLength += take;
    }
    if (this.#left === 0) this.#finish();
    return at + take;
  }

  #finish(): void {
    const type = this.#type;
    const payload = this.#gathered;
    this.#type = -1;
    this.#gathered = null;
    if (payload !== null) this.sink.onFrame(type, payload);
  }
}

import { H3ConnectionError, H3Error } from './errors.js';
import { TlvCutter } from './tlv-cutter.js';

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
  readonly #cutter = new TlvCutter({
    begin: (type, length) => this.#begin(type, length),
    push: (part, isLast) => this.#take(part, isLast),
  });
  #type = 0;
  #gathered: Uint8Array | null = null;
  #gatheredLength = 0;

  constructor(
    readonly sink: FrameSink,
    readonly maxFrame: number,
    /** Types that are gathered for the sink; others are passed over. */
    readonly known: ReadonlySet<number>,
  ) {}

  /** True between frames: the stream may end here. */
  get atBoundary(): boolean {
    return this.#cutter.atBoundary;
  }

  /** The caller found the end of what are frames: no more is taken. */
  stop(): void {
    this.#cutter.stopped = true;
  }

  push(bytes: Uint8Array): void {
    this.#cutter.push(bytes);
  }

  #begin(type: number, length: number): void {
    if (RESERVED.has(type)) {
      throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, `frame type ${type} belongs to HTTP/2`);
    }
    this.#type = type;
    this.#gathered = null;
    if (type === Frame.DATA || !this.known.has(type)) return;
    if (length > this.maxFrame) throw new H3ConnectionError(H3Error.EXCESSIVE_LOAD, `a frame of ${length} bytes`);
    this.#gathered = new Uint8Array(length);
    this.#gatheredLength = 0;
  }

  #take(part: Uint8Array, isLast: boolean): void {
    if (this.#type === Frame.DATA && part.length > 0) this.sink.onData(part);
    const frame = this.#gathered;
    if (frame === null) return;
    frame.set(part, this.#gatheredLength);
    this.#gatheredLength += part.length;
    if (!isLast) return;
    this.#gathered = null;
    this.sink.onFrame(this.#type, frame);
  }
}

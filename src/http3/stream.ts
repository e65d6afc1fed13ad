import { type QuicConnection, STREAM_ABORTED, STREAM_GONE } from '../quic/engine.js';
import { writeVarint } from '../quic/varint.js';
import { fromHttp3Code, H3Error, toHttp3Code } from './errors.js';
import { Frame } from './frame-reader.js';

/** Type of a unidirectional WebTransport stream (draft-ietf-webtrans-http3 section 4.1). */
export const WEBTRANSPORT_UNI_STREAM = 0x54;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Receives a stream's events. */
export interface WebTransportStreamHandler {
  /** There are bytes, the end, or a reset to read. */
  onReadable(): void;
  /** A stream that took less than it was offered has room. */
  onWritable(): void;
  /** The peer reset its side. `code` is the application's. */
  onReset(code: number): void;
  /** The peer reads no more. */
  onStopSending(code: number): void;
}

export interface StreamOwner {
  streamDone(stream: WebTransportStream): void;
}

/** Hears nothing. */
export const SILENT_STREAM: WebTransportStreamHandler = {
  onReadable() {},
  onWritable() {},
  onReset() {},
  onStopSending() {},
};

/** A stream of a WebTransport session. Reading is pulled: what is not read stays in QUIC and holds the sender. */
export class WebTransportStream {
  handler: WebTransportStreamHandler = SILENT_STREAM;
  /** All has been read. */
  finished = false;
  #readDone: boolean;
  #writeDone: boolean;
  /** Bytes that came behind the preamble. */
  #leftover = NOTHING;
  #leftoverEnd = false;
  /** What is still to be written of the preamble of a stream of ours. */
  #preamble = NOTHING;

  constructor(
    readonly quic: QuicConnection,
    readonly owner: StreamOwner,
    readonly id: number,
    readonly sessionId: number,
    readonly incoming: boolean,
    readonly bidirectional: boolean,
  ) {
    this.#readDone = !incoming && !bidirectional;
    this.#writeDone = incoming && !bidirectional;
    if (!incoming) {
      const preamble = new Uint8Array(12);
      let at = writeVarint(preamble, 0, bidirectional ? Frame.WEBTRANSPORT_STREAM : WEBTRANSPORT_UNI_STREAM);
      at = writeVarint(preamble, at, sessionId);
      this.#preamble = preamble.subarray(0, at);
      this.#flushPreamble();
    }
  }

  get isReadDone(): boolean {
    return this.#readDone;
  }

  get isWriteDone(): boolean {
    return this.#writeDone;
  }

  /** Bytes (and perhaps the end) that were read along with the preamble. */
  setLeftover(bytes: Uint8Array, end: boolean): void {
    this.#leftover = bytes;
    this.#leftoverEnd = end;
  }

  get hasLeftover(): boolean {
    return this.#leftover.length > 0 || this.#leftoverEnd;
  }

  /**
   * Reads into `into`. Returns bytes read, or -1 where there is nothing now. {@link finished} tells of the end. A reset
   * goes to the handler.
   */
  read(into: Uint8Array): number {
    if (this.#readDone) return -1;
    if (this.hasLeftover) return this.#readLeftover(into);
    const length = this.quic.streamRead(this.id, into);
    if (length >= 0) {
      if (this.quic.streamFinished) this.#endRead(true);
      return length;
    }
    if (length === STREAM_ABORTED) {
      const code = fromHttp3Code(this.quic.streamErrorCode);
      this.#endRead(false);
      this.handler.onReset(code);
    } else if (length === STREAM_GONE) {
      this.#endRead(false);
    }
    return -1;
  }

  #readLeftover(into: Uint8Array): number {
    const length = Math.min(into.length, this.#leftover.length);
    into.set(this.#leftover.subarray(0, length));
    this.#leftover = this.#leftover.subarray(length);
    if (this.#leftover.length === 0 && this.#leftoverEnd) {
      this.#leftoverEnd = false;
      this.#endRead(true);
    }
    return length;
  }

  /** Offers bytes; returns how many were taken. onWritable follows where that is less than all. */
  write(bytes: Uint8Array, end: boolean): number {
    if (this.#writeDone) return 0;
    if (!this.#flushPreamble()) return 0;
    const taken = this.quic.streamWrite(this.id, bytes, end);
    if (taken === STREAM_ABORTED) {
      this.onStopped(this.quic.streamErrorCode);
      return 0;
    }
    if (taken === STREAM_GONE) {
      this.#endWrite();
      return 0;
    }
    // An end may have to wait though it has no bytes.
    if (taken < 0) return 0;
    if (end && taken === bytes.length) this.#endWrite();
    return taken;
  }

  #flushPreamble(): boolean {
    if (this.#preamble.length === 0) return true;
    const taken = this.quic.streamWrite(this.id, this.#preamble, false);
    if (taken > 0) this.#preamble = this.#preamble.subarray(taken);
    return this.#preamble.length === 0;
  }

  /** Bytes stay in QUIC and no onReadable comes until resumed. */
  pause(): void {
    if (!this.#readDone) this.quic.streamPause(this.id);
  }

  resume(): void {
    if (!this.#readDone) this.quic.streamResume(this.id);
  }

  /** 0 (first) to 255 (last). */
  setPriority(urgency: number): void {
    if (!this.#writeDone) this.quic.streamPriority(this.id, urgency);
  }

  /** RESET_STREAM with the application's code. */
  reset(code: number): void {
    this.abortWrite(toHttp3Code(code));
  }

  /** STOP_SENDING with the application's code. */
  stopSending(code: number): void {
    this.abortRead(toHttp3Code(code));
  }

  abortWrite(http3Code: number): void {
    if (this.#writeDone) return;
    this.quic.streamReset(this.id, http3Code);
    this.#endWrite();
  }

  abortRead(http3Code: number): void {
    if (this.#readDone) return;
    this.quic.streamStop(this.id, http3Code);
    this.#endRead(false);
  }

  /** Both ways, because the session is gone or never came. */
  abort(http3Code: number = H3Error.WEBTRANSPORT_SESSION_GONE): void {
    this.abortWrite(http3Code);
    this.abortRead(http3Code);
  }

  onWritable(): void {
    if (this.#flushPreamble()) this.handler.onWritable();
  }

  onStopped(http3Code: number): void {
    if (this.#writeDone) return;
    // RFC 9000 section 3.5: STOP_SENDING is answered by a reset; quiche sends it.
    this.#endWrite();
    this.handler.onStopSending(fromHttp3Code(http3Code));
  }

  #endRead(finished: boolean): void {
    this.finished = finished;
    this.#readDone = true;
    if (this.#writeDone) this.owner.streamDone(this);
  }

  #endWrite(): void {
    this.#writeDone = true;
    if (this.#readDone) this.owner.streamDone(this);
  }
}

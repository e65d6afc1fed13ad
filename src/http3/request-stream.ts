import { type QuicConnection, STREAM_ABORTED, STREAM_BLOCKED } from '../quic/engine.js';
import { H3ConnectionError, H3Error, H3StreamError } from './errors.js';
import { Frame, FrameReader, KNOWN_FRAMES } from './frame-reader.js';
import { concatBytes, encodeFrame } from './frame-writer.js';
import { parseRequest, parseResponse, type RequestHead, type ResponseHead } from './message.js';
import { decodeFieldSection, encodeFieldSection, type HeaderField } from './qpack/field-section.js';
import type { WebTransportSession } from './session.js';

const NOTHING: Uint8Array = new Uint8Array(0);
/** A CONNECT stream carries capsules of ours, few and small; one whose reader takes none is cut off here. */
const MAX_PENDING = 65536;

export interface RequestOwner {
  readonly quic: QuicConnection;
  readonly maxFieldSectionSize: number;
  readonly readBuffer: Uint8Array;
  onRequestHead(request: RequestStream, head: RequestHead): void;
  requestDone(id: number): void;
}

/** A request stream (RFC 9114 section 4.1) of either side: a CONNECT whose DATA are capsules, or an ordinary request. */
export class RequestStream {
  session: WebTransportSession | null = null;
  /** Client: gets the answer's head. */
  onAnswer: ((head: ResponseHead) => void) | null = null;
  readonly #frames: FrameReader;
  #headSeen = false;
  #readDone = false;
  #writeDone = false;
  #pending: Uint8Array = NOTHING;
  #endPending = false;

  constructor(
    readonly owner: RequestOwner,
    readonly id: number,
  ) {
    this.#frames = new FrameReader(
      { onData: (bytes) => this.#onData(bytes), onFrame: (type, payload) => this.#onFrame(type, payload) },
      owner.maxFieldSectionSize * 2,
      KNOWN_FRAMES,
    );
  }

  /** Reads what there is. Throws H3StreamError and H3ConnectionError. */
  onReadable(): void {
    const buffer = this.owner.readBuffer;
    while (!this.#readDone) {
      const length = this.owner.quic.streamRead(this.id, buffer);
      if (length === STREAM_BLOCKED) return;
      if (length < 0) {
        this.#ended(length === STREAM_ABORTED ? 'reset' : 'gone');
        return;
      }
      this.push(buffer.subarray(0, length), this.owner.quic.streamFinished);
    }
  }

  push(bytes: Uint8Array, end: boolean): void {
    this.#frames.push(bytes);
    if (end) this.#ended('end');
  }

  #onFrame(type: number, payload: Uint8Array): void {
    if (type !== Frame.HEADERS) {
      throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, `frame type ${type} on a request`);
    }
    if (this.#headSeen) {
      // Trailers: read for their form's sake and left at that. A CONNECT has none (RFC 9114 section 4.4).
      if (this.session !== null) throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, 'HEADERS behind a CONNECT');
      decodeFieldSection(payload, this.owner.maxFieldSectionSize);
      return;
    }
    const fields = decodeFieldSection(payload, this.owner.maxFieldSectionSize);
    if (this.onAnswer === null) {
      this.#headSeen = true;
      this.owner.onRequestHead(this, parseRequest(fields));
      return;
    }
    const answer = parseResponse(fields);
    // Interim answers (1xx) come before the one that counts.
    if (answer.status < 200) return;
    this.#headSeen = true;
    this.onAnswer(answer);
  }

  #onData(bytes: Uint8Array): void {
    if (!this.#headSeen) throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, 'DATA before HEADERS');
    this.session?.receiveData(bytes);
  }

  #ended(how: 'end' | 'reset' | 'gone'): void {
    if (this.#readDone) return;
    this.#readDone = true;
    if (how === 'end' && !this.#frames.atBoundary) {
      throw new H3ConnectionError(H3Error.FRAME_ERROR, 'a request ends inside a frame');
    }
    if (how === 'end' && !this.#headSeen) {
      throw new H3StreamError(H3Error.REQUEST_INCOMPLETE, 'a request without a head');
    }
    this.session?.peerClosed(0, '', how === 'end');
    if (how !== 'end' && !this.#writeDone) {
      this.owner.quic.streamReset(this.id, H3Error.REQUEST_CANCELLED);
      this.#writeDone = true;
    }
    this.#checkDone();
  }

  /** An answer is on its way and the rest of the request of no interest (RFC 9114 section 4.1.1). */
  ignoreRest(): void {
    if (this.#readDone) return;
    this.#readDone = true;
    this.#frames.stop();
    this.owner.quic.streamStop(this.id, H3Error.NO_ERROR);
    this.#checkDone();
  }

  /** Nobody wants it any more, on this side (RFC 9114 section 4.1.1). */
  cancel(): void {
    const { quic } = this.owner;
    if (!this.#writeDone) quic.streamReset(this.id, H3Error.REQUEST_CANCELLED);
    if (!this.#readDone) quic.streamStop(this.id, H3Error.REQUEST_CANCELLED);
    this.#writeDone = true;
    this.#readDone = true;
    this.#frames.stop();
    this.#checkDone();
  }

  sendHead(fields: readonly HeaderField[], end: boolean): void {
    this.send(encodeFrame(Frame.HEADERS, encodeFieldSection(fields)), end);
  }

  send(bytes: Uint8Array, end: boolean): void {
    if (this.#writeDone || this.#endPending) return;
    if (this.#pending.length + bytes.length > MAX_PENDING) {
      this.owner.quic.close(true, H3Error.EXCESSIVE_LOAD, 'a CONNECT stream that is not read');
      return;
    }
    this.#pending = this.#pending.length === 0 ? bytes : concatBytes(this.#pending, bytes);
    this.#endPending = end;
    this.flush();
  }

  flush(): void {
    if (this.#writeDone || (this.#pending.length === 0 && !this.#endPending)) return;
    const taken = this.owner.quic.streamWrite(this.id, this.#pending, this.#endPending);
    if (taken < 0 && taken !== STREAM_BLOCKED) {
      this.#writeDone = true;
    } else if (taken >= 0) {
      const all = taken === this.#pending.length;
      this.#pending = this.#pending.subarray(taken);
      if (all && this.#endPending) this.#writeDone = true;
    }
    this.#checkDone();
  }

  stopped(): void {
    this.#writeDone = true;
    this.session?.peerClosed(0, '', false);
    this.#checkDone();
  }

  #checkDone(): void {
    if (this.#readDone && this.#writeDone) this.owner.requestDone(this.id);
  }
}

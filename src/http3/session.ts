import type { DatagramSendResult, QuicConnection } from '../quic/engine.js';
import { varintLength, writeVarint } from '../quic/varint.js';
import { Capsule, CapsuleReader, decodeClose, encodeClose } from './capsule-reader.js';
import { Frame } from './frame-reader.js';
import { encodeFrame } from './frame-writer.js';
import type { RequestHead } from './message.js';
import type { HeaderField } from './qpack/field-section.js';
import { WebTransportStream } from './stream.js';

export interface SessionClose {
  /** The application's code, 32 bits. */
  code: number;
  reason: string;
  by: 'peer' | 'local' | 'connection';
  /** False where the session ended without a close capsule or end of stream. */
  clean: boolean;
  /** What made the connection end the session: its peer fell silent, or broke the protocol. */
  cause?: 'timeout' | 'malformed';
}

/** Receives a session's events. */
export interface SessionHandler {
  /** `bytes[start..end)` is a datagram; the buffer is used again after the call. */
  onDatagram(bytes: Uint8Array, start: number, end: number): void;
  /** A stream that the peer opened. Its handler is asked to read right after this call. */
  onStream(stream: WebTransportStream): void;
  /** A stream of the peer was reset before its first bytes came, on a connection whose only session this is. */
  onStreamAbandoned?(): void;
  /** The peer allows more streams again, after openStream had returned null. */
  onStreamsAvailable(): void;
  /** The peer asks to wind up (DRAIN_WEBTRANSPORT_SESSION or GOAWAY). */
  onDraining(): void;
  onClosed(close: SessionClose): void;
}

/** What a session asks of its connection. */
export interface SessionOwner {
  readonly quic: QuicConnection;
  sendOnRequest(id: number, bytes: Uint8Array, end: boolean): void;
  adoptStream(stream: WebTransportStream): void;
  streamDone(stream: WebTransportStream): void;
  sessionClosed(session: WebTransportSession): void;
  respond(id: number, fields: readonly HeaderField[], end: boolean): void;
  cancelRequest(id: number): void;
}

/** Hears nothing, and leaves streams as they are: a base for handlers of a few events. */
export const SILENT_SESSION: SessionHandler = {
  onDatagram() {},
  onStream() {},
  onStreamsAvailable() {},
  onDraining() {},
  onClosed() {},
};

const UNHANDLED: SessionHandler = {
  ...SILENT_SESSION,
  onStream(stream) {
    stream.abort();
  },
};

/** Held for a session that is not accepted yet. */
const MAX_HELD_DATAGRAMS = 32;
const MAX_DATAGRAM = 65536;

/** Where datagrams are put together, and its beginnings by length: one a thread, as a connection takes each at once. */
const outgoingBytes = new Uint8Array(MAX_DATAGRAM);
const outgoingViews: Uint8Array[] = [];
/** Longer than packets are: not worth a view that stays. */
const MOST_VIEWS = 2048;

/** Room for a datagram of `length` bytes, which the next call takes back. */
function outgoing(length: number): Uint8Array {
  if (length >= MOST_VIEWS) return outgoingBytes.subarray(0, length);
  while (outgoingViews.length <= length) outgoingViews.push(outgoingBytes.subarray(0, outgoingViews.length));
  return outgoingViews[length];
}

/** One WebTransport session (draft-ietf-webtrans-http3), named by its CONNECT stream. */
export class WebTransportSession {
  handler: SessionHandler = UNHANDLED;
  state: 'pending' | 'open' | 'closed' = 'pending';
  readonly streams = new Set<WebTransportStream>();
  readonly #prefix: number;
  readonly #capsules = new CapsuleReader((type, value) => this.#onCapsule(type, value));
  #heldStreams: WebTransportStream[] = [];
  #heldDatagrams: Uint8Array[] = [];
  #drainSent = false;
  /** Datagrams that came before the session was accepted and found no room. */
  droppedEarly = 0;

  constructor(
    readonly owner: SessionOwner,
    /** Stream ID of the CONNECT request. */
    readonly id: number,
    readonly head: RequestHead,
  ) {
    this.#prefix = varintLength(id / 4);
  }

  get quic(): QuicConnection {
    return this.owner.quic;
  }

  /** As {@link QuicConnection.wireRatio}. */
  get wireRatio(): number {
    return this.owner.quic.wireRatio;
  }

  /** Server: answers 200. Set the handler before; what was held comes at once. */
  accept(headers: readonly HeaderField[] = []): void {
    if (this.state !== 'pending') return;
    const version: HeaderField[] =
      this.head.headers['sec-webtransport-http3-draft02'] === undefined
        ? []
        : [['sec-webtransport-http3-draft', 'draft02']];
    this.owner.respond(this.id, [[':status', '200'], ...version, ...headers], false);
    this.open();
  }

  /** Server: answers with another status than 200 and ends. */
  reject(status: number, headers: readonly HeaderField[] = []): void {
    if (this.state !== 'pending') return;
    this.owner.respond(this.id, [[':status', String(status)], ...headers], true);
    this.#end({ code: 0, reason: `refused with status ${status}`, by: 'local', clean: true });
  }

  /** The session is agreed: from now on events go to the handler. */
  open(): void {
    if (this.state !== 'pending') return;
    this.state = 'open';
    const streams = this.#heldStreams;
    const datagrams = this.#heldDatagrams;
    this.#heldStreams = [];
    this.#heldDatagrams = [];
    for (const datagram of datagrams) this.handler.onDatagram(datagram, this.#prefix, datagram.length);
    for (const stream of streams) {
      stream.resume();
      this.#present(stream);
    }
  }

  /** Longest payload of a datagram now, bytes. */
  get maxDatagramSize(): number {
    return Math.max(0, this.quic.datagramMaxLength() - this.#prefix);
  }

  sendDatagram(payload: Uint8Array): DatagramSendResult {
    if (this.state !== 'open') return 'unsupported';
    if (payload.length + this.#prefix > MAX_DATAGRAM) return 'too-big';
    const datagram = outgoing(this.#prefix + payload.length);
    writeVarint(datagram, 0, this.id / 4);
    datagram.set(payload, this.#prefix);
    return this.quic.datagramSend(datagram);
  }

  /**
   * Sends `bytes[start..end)` without copying. At least 8 bytes before `start` must be free to overwrite, as in the
   * buffer that {@link SessionHandler.onDatagram} gets.
   */
  sendDatagramInPlace(bytes: Uint8Array, start: number, end: number): DatagramSendResult {
    const head = start - this.#prefix;
    if (this.state !== 'open' || head < 0) return 'unsupported';
    writeVarint(bytes, head, this.id / 4);
    return this.quic.datagramSend(bytes.subarray(head, end));
  }

  /** A stream of ours, or null while the peer allows no more (onStreamsAvailable follows). */
  openStream(bidirectional: boolean): WebTransportStream | null {
    if (this.state !== 'open') return null;
    const id = this.quic.openStream(bidirectional);
    if (id < 0) return null;
    const stream = new WebTransportStream(this.quic, this.owner, id, this.id, false, bidirectional);
    this.streams.add(stream);
    this.owner.adoptStream(stream);
    return stream;
  }

  /** Asks the peer to wind up. */
  drain(): void {
    if (this.state !== 'open' || this.#drainSent) return;
    this.#drainSent = true;
    this.#sendCapsule(encodeFrame(Capsule.DRAIN_WEBTRANSPORT_SESSION, new Uint8Array(0)), false);
  }

  /** Ends the session; one that is not agreed yet is taken back. */
  close(code = 0, reason = ''): void {
    if (this.state === 'closed') return;
    if (this.state === 'open') this.#sendCapsule(encodeClose(code, reason), true);
    else this.owner.cancelRequest(this.id);
    this.#end({ code, reason, by: 'local', clean: true });
  }

  #sendCapsule(capsule: Uint8Array, end: boolean): void {
    this.owner.sendOnRequest(this.id, encodeFrame(Frame.DATA, capsule), end);
  }

  /** A datagram for this session; `bytes[start..end)` is its payload. */
  receiveDatagram(bytes: Uint8Array, start: number, end: number): void {
    if (this.state === 'open') {
      this.handler.onDatagram(bytes, start, end);
    } else if (this.state === 'pending') {
      if (this.#heldDatagrams.length < MAX_HELD_DATAGRAMS)
        this.#heldDatagrams.push(bytes.slice(start - this.#prefix, end));
      else this.droppedEarly++;
    }
  }

  /** A stream that the peer opened for this session. */
  receiveStream(stream: WebTransportStream): void {
    this.streams.add(stream);
    if (this.state === 'open') {
      this.#present(stream);
    } else {
      stream.pause();
      this.#heldStreams.push(stream);
    }
  }

  #present(stream: WebTransportStream): void {
    this.handler.onStream(stream);
    if (!stream.isReadDone) stream.handler.onReadable();
  }

  /** Payload of DATA on the CONNECT stream: capsules. Throws H3StreamError. */
  receiveData(bytes: Uint8Array): void {
    if (this.state !== 'closed') this.#capsules.push(bytes);
  }

  #onCapsule(type: number, value: Uint8Array): void {
    if (type === Capsule.DATAGRAM) {
      const padded = new Uint8Array(this.#prefix + value.length);
      padded.set(value, this.#prefix);
      this.receiveDatagram(padded, this.#prefix, padded.length);
    } else if (type === Capsule.DRAIN_WEBTRANSPORT_SESSION) {
      this.handler.onDraining();
    } else {
      const { code, reason } = decodeClose(value);
      this.peerClosed(code, reason, true);
    }
  }

  /** The peer ended the CONNECT stream: with a capsule, without (code 0), or by a reset (not clean). */
  peerClosed(code: number, reason: string, clean: boolean): void {
    if (this.state === 'closed') return;
    this.owner.sendOnRequest(this.id, new Uint8Array(0), true);
    this.#end({ code, reason, by: 'peer', clean });
  }

  connectionClosed(code: number, reason: string, clean: boolean, cause?: SessionClose['cause']): void {
    this.#end({ code, reason, by: 'connection', clean, ...(cause === undefined ? {} : { cause }) });
  }

  #end(close: SessionClose): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.owner.sessionClosed(this);
    this.#heldStreams = [];
    this.#heldDatagrams = [];
    // The handler may still read what came before the end.
    this.handler.onClosed(close);
    for (const stream of [...this.streams]) stream.abort();
    this.streams.clear();
  }
}

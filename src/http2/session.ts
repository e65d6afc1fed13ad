import { decodeClose, encodeCloseValue } from '../http3/capsule-reader.js';
import type { HeaderField } from '../http3/qpack/field-section.js';
import { type SessionClose, type SessionHandler, SILENT_SESSION } from '../http3/session.js';
import type { DatagramSendResult } from '../quic/engine.js';
import { Capsule, MAX_DATAGRAM, readFields } from './capsule.js';
import type { SessionChannel } from './channel.js';
import { ReceiveCredit, SendCredit } from './credit.js';
import type { Framing, FramingEvents } from './framing.js';
import { IncomingStreams } from './incoming-streams.js';
import { OutgoingStreams } from './outgoing-streams.js';
import type { PeerLimits } from './peer-limits.js';
import { TcpSessionError } from './session-error.js';
import { type StreamOwner, TcpStream } from './stream.js';

const NOTHING: Uint8Array = new Uint8Array(0);
/** Longest payload of a stream's capsule: others get between. */
const MOST_AT_ONCE = 32768;
/**
 * Longest payload of a capsule that ends a stream as well: the library forgets the end of one that comes in pieces, and waits
 * for all of a capsule up to 64 bytes only (1.6.8).
 */
const MOST_WITH_END = 48;
/** Set in the IDs of streams that the client opens: the library's way, the other way round than RFC 9000 section 2.1. */
const FROM_CLIENT = 1;
const UNIDIRECTIONAL = 2;

export interface TcpSessionOptions {
  /** What the client may send and how many streams it may have open, at first and ahead of what is read. */
  own: PeerLimits;
  peer: PeerLimits;
  /** Whether the client learns our limits by capsules: a WebSocket has no SETTINGS. */
  announces: boolean;
}

/**
 * The server's side of a WebTransport session over TCP (draft-ietf-webtrans-http2): capsules over HTTP/2, or over a WebSocket as
 * `@fails-components/webtransport` does it. Sans-IO: bytes come in, and go out by its {@link SessionChannel}.
 */
export class TcpSession implements FramingEvents, StreamOwner {
  handler: SessionHandler = SILENT_SESSION;
  state: 'pending' | 'open' | 'closed' = 'pending';
  /** TCP's own bytes are not seen from here. */
  readonly wireRatio = 1;
  readonly maxDatagramSize = MAX_DATAGRAM;
  readonly #framing: Framing;
  readonly #streams = new Map<number, TcpStream>();
  readonly #fromClient: { uni: IncomingStreams; bidi: IncomingStreams };
  readonly #receiveCredit: ReceiveCredit;
  readonly #sendCredit: SendCredit;
  readonly #ours: { uni: OutgoingStreams; bidi: OutgoingStreams };
  /** Streams that took less than they were offered. */
  readonly #starved = new Set<TcpStream>();
  #isFull = false;

  constructor(
    readonly channel: SessionChannel,
    createFraming: (events: FramingEvents) => Framing,
    readonly options: TcpSessionOptions,
  ) {
    const { own, peer } = options;
    this.#framing = createFraming(this);
    this.#fromClient = {
      uni: new IncomingStreams(FROM_CLIENT | UNIDIRECTIONAL, own.streamsUni),
      bidi: new IncomingStreams(FROM_CLIENT, own.streamsBidi),
    };
    this.#receiveCredit = new ReceiveCredit(own.data);
    this.#sendCredit = new SendCredit(peer.data);
    // Stream 0 is left out: the library loses what comes in pieces for it (1.6.8).
    this.#ours = {
      uni: new OutgoingStreams(UNIDIRECTIONAL, peer.streamsUni),
      bidi: new OutgoingStreams(0, peer.streamsBidi, 1),
    };
  }

  /** What came and may still be read, bytes. */
  get unread(): number {
    return this.state === 'closed' ? 0 : this.#receiveCredit.unread;
  }

  accept(): void {
    if (this.state !== 'pending') return;
    this.state = 'open';
    const { own, announces } = this.options;
    this.channel.accept();
    if (!announces) return;
    this.#send(Capsule.MAX_DATA, [own.data]);
    this.#send(Capsule.MAX_STREAMS_BIDI, [own.streamsBidi]);
    this.#send(Capsule.MAX_STREAMS_UNI, [own.streamsUni]);
  }

  reject(status: number, headers: readonly HeaderField[] = []): void {
    if (this.state !== 'pending') return;
    this.channel.reject(status, headers);
    this.#end({ code: 0, reason: `refused with status ${status}`, by: 'local', clean: true });
  }

  sendDatagram(payload: Uint8Array): DatagramSendResult {
    if (this.state !== 'open') return 'unsupported';
    if (payload.length > MAX_DATAGRAM) return 'too-big';
    if (this.#isFull) return 'queue-full';
    this.#send(Capsule.DATAGRAM, [], payload);
    return 'sent';
  }

  sendDatagramInPlace(bytes: Uint8Array, start: number, end: number): DatagramSendResult {
    return this.sendDatagram(bytes.subarray(start, end));
  }

  /** A stream of ours, or null while the client allows no more (onStreamsAvailable follows). */
  openStream(bidirectional: boolean): TcpStream | null {
    if (this.state !== 'open') return null;
    const id = this.#ours[bidirectional ? 'bidi' : 'uni'].open();
    if (id === null) return null;
    const stream = this.#addStream(id);
    // The client hears of it before it carries anything.
    this.#send(Capsule.STREAM, [id]);
    return stream;
  }

  drain(): void {
    if (this.state === 'open') this.#send(Capsule.DRAIN_SESSION, []);
  }

  /** Has a client that is there send something. */
  ping(): void {
    const ping = this.#framing.encodePing();
    if (this.state === 'open' && ping.length > 0) this.#write(ping);
  }

  close(code = 0, reason = ''): void {
    if (this.state === 'closed') return;
    if (this.state === 'pending') {
      this.channel.reject(503, []);
    } else {
      this.#send(Capsule.CLOSE_SESSION, [], encodeCloseValue(code, reason));
      this.#finish(code, reason);
    }
    this.#end({ code, reason, by: 'local', clean: true });
  }

  #finish(code: number, reason: string): void {
    const last = this.#framing.encodeClose(code, reason);
    if (last.length > 0) this.channel.write(last);
    this.channel.end();
  }

  #end(close: SessionClose): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#starved.clear();
    // The handler may still read what came before the end.
    this.handler.onClosed(close);
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
  }

  // What the channel tells.

  /** Bytes of the client, which are changed. */
  receive(bytes: Uint8Array): void {
    if (this.state !== 'open') return;
    try {
      this.#framing.push(bytes);
    } catch (error) {
      if (!(error instanceof TcpSessionError)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: TcpSessionError): void {
    if (this.#isClosed) return;
    const last = this.#framing.encodeFault(error);
    if (last.length > 0) {
      this.channel.write(last);
      this.channel.end();
    } else {
      this.channel.abort(error);
    }
    this.#end({ code: 0, reason: error.message, by: 'connection', clean: false, cause: 'malformed' });
  }

  get #isClosed(): boolean {
    return this.state === 'closed';
  }

  /** There is room again. */
  drained(): void {
    this.#isFull = false;
    this.#feed(() => this.#isFull);
  }

  /** Streams that wait go on, one after the other, until there is no more. */
  #feed(isOver: () => boolean): void {
    for (const stream of [...this.#starved]) {
      if (isOver()) return;
      this.#starved.delete(stream);
      stream.handler.onWritable();
    }
  }

  /** The client ended the channel without a word: as good as code 0 (draft-ietf-webtrans-http2 section 6.11). */
  ended(): void {
    if (this.state !== 'closed') this.#finish(0, '');
    this.#end({ code: 0, reason: '', by: 'peer', clean: true });
  }

  /** The channel is gone. */
  lost(reason: string): void {
    this.#end({ code: 0, reason, by: 'connection', clean: false });
  }

  // What the framing finds.

  onStreamData(id: number, bytes: Uint8Array, end: boolean): void {
    if (this.#isClosed) return;
    if (!this.#receiveCredit.receive(bytes.length)) {
      throw new TcpSessionError('flow-control', 'more bytes than the session may send');
    }
    const known = this.#streams.get(id);
    const stream = known ?? this.#admit(id);
    if (stream === null) {
      this.#sessionRead(bytes.length);
      return;
    }
    if (stream.endCame || !(stream.incoming || stream.bidirectional)) {
      throw new TcpSessionError('protocol', `data for stream ${id}, which carries none`);
    }
    if (!stream.receiveCredit.receive(bytes.length)) {
      throw new TcpSessionError('flow-control', `more bytes than stream ${id} may send`);
    }
    if (known === undefined) this.#present(stream);
    stream.receive(bytes, end);
  }

  #present(stream: TcpStream): void {
    this.handler.onStream(stream as unknown as Parameters<SessionHandler['onStream']>[0]);
  }

  /** A stream that the client opens by naming it; null: one that is over. */
  #admit(id: number): TcpStream | null {
    const kind = (id & UNIDIRECTIONAL) === 0 ? 'bidi' : 'uni';
    if (id % 2 !== FROM_CLIENT) {
      if (!this.#ours[kind].isOpened(id)) throw new TcpSessionError('protocol', `there is no stream ${id}`);
      return null;
    }
    return this.#fromClient[kind].isNew(id) ? this.#addStream(id) : null;
  }

  #addStream(id: number): TcpStream {
    const { own, peer, announces } = this.options;
    const isBidirectional = (id & UNIDIRECTIONAL) === 0;
    const isIncoming = (id & FROM_CLIENT) !== 0;
    const receive = new ReceiveCredit(isBidirectional ? own.streamDataBidi : own.streamDataUni);
    const send = new SendCredit(isBidirectional ? peer.streamDataBidi : peer.streamDataUni);
    const stream = new TcpStream(this, id, isIncoming, isBidirectional, receive, send);
    this.#streams.set(id, stream);
    if (announces && (isIncoming || isBidirectional)) this.#send(Capsule.MAX_STREAM_DATA, [id, receive.limit]);
    return stream;
  }

  onCapsule(type: number, value: Uint8Array): void {
    if (this.#isClosed) return;
    switch (type) {
      case Capsule.DATAGRAM:
        this.handler.onDatagram(value, 0, value.length);
        return;
      case Capsule.CLOSE_SESSION:
        this.#onCloseCapsule(value);
        return;
      case Capsule.DRAIN_SESSION:
        this.handler.onDraining();
        return;
      case Capsule.RESET_STREAM:
        this.#onReset(...readFields(value, 2));
        return;
      case Capsule.STOP_SENDING:
        this.#onStopSending(...readFields(value, 2));
        return;
      case Capsule.MAX_DATA:
        this.#sendCredit.raise(readFields(value, 1)[0]);
        if (!this.#isFull) this.#feed(() => this.#isFull || this.#sendCredit.left === 0);
        return;
      case Capsule.MAX_STREAM_DATA:
        this.#onMaxStreamData(...readFields(value, 2));
        return;
      case Capsule.MAX_STREAMS_BIDI:
        this.#onMaxStreams('bidi', readFields(value, 1)[0]);
        return;
      case Capsule.MAX_STREAMS_UNI:
        this.#onMaxStreams('uni', readFields(value, 1)[0]);
    }
  }

  #onCloseCapsule(value: Uint8Array): void {
    if (value.length < 4) throw new TcpSessionError('protocol', 'a close capsule without a code');
    const { code, reason } = decodeClose(value);
    this.onClose(code, reason);
  }

  onClose(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#finish(code, reason);
    this.#end({ code, reason, by: 'peer', clean: true });
  }

  /** Pings of one who reads no answers get none. */
  onReply(bytes: Uint8Array): void {
    if (!this.#isFull && !this.#isClosed) this.#write(bytes);
  }

  #onReset(id: number, code: number): void {
    const known = this.#streams.get(id);
    if (known !== undefined) {
      known.onReset(code);
      return;
    }
    const stream = this.#admit(id);
    if (stream === null) return;
    // It is reset before it carried anything: nobody needs to see it.
    stream.reset(0);
    stream.onReset(0);
    this.handler.onStreamAbandoned?.();
  }

  #onStopSending(id: number, code: number): void {
    this.#reach(id)?.onStopped(code);
  }

  #onMaxStreamData(id: number, limit: number): void {
    const stream = this.#reach(id);
    if (stream === null) return;
    stream.sendCredit.raise(limit);
    if (this.#isFull || !this.#starved.delete(stream)) return;
    stream.handler.onWritable();
  }

  /** A stream that is there, or comes by being named; null: one that is over. */
  #reach(id: number): TcpStream | null {
    const known = this.#streams.get(id);
    if (known !== undefined) return known;
    const stream = this.#admit(id);
    if (stream !== null) this.#present(stream);
    return stream;
  }

  #onMaxStreams(kind: 'uni' | 'bidi', limit: number): void {
    if (this.#ours[kind].raise(limit)) this.handler.onStreamsAvailable();
  }

  // What streams ask for.

  sendData(stream: TcpStream, bytes: Uint8Array, end: boolean): number {
    if (this.state !== 'open') return -1;
    let taken = 0;
    do {
      const left = bytes.length - taken;
      const room = this.#isFull ? 0 : Math.min(left, MOST_AT_ONCE, stream.sendCredit.left, this.#sendCredit.left);
      if (this.#isFull || (room === 0 && left > 0)) {
        this.#starved.add(stream);
        return taken === 0 ? -1 : taken;
      }
      const isLast = end && room === left;
      if (room === 0 && !isLast) return taken;
      stream.sendCredit.send(room);
      this.#sendCredit.send(room);
      const part = room === bytes.length ? bytes : bytes.subarray(taken, taken + room);
      taken += room;
      const isWithEnd = isLast && room <= MOST_WITH_END;
      this.#send(isWithEnd ? Capsule.STREAM_FIN : Capsule.STREAM, [stream.id], part);
      if (isLast && !isWithEnd) this.#send(Capsule.STREAM_FIN, [stream.id]);
    } while (taken < bytes.length);
    return taken;
  }

  sendReset(stream: TcpStream, code: number): void {
    this.#starved.delete(stream);
    this.#send(Capsule.RESET_STREAM, [stream.id, code]);
  }

  sendStop(stream: TcpStream, code: number): void {
    this.#send(Capsule.STOP_SENDING, [stream.id, code]);
  }

  wasRead(stream: TcpStream, bytes: number): void {
    const limit = stream.receiveCredit.read(bytes);
    if (limit > 0 && !stream.endCame && !stream.isReadDone) this.#send(Capsule.MAX_STREAM_DATA, [stream.id, limit]);
    this.#sessionRead(bytes);
  }

  #sessionRead(bytes: number): void {
    const limit = this.#receiveCredit.read(bytes);
    if (limit > 0) this.#send(Capsule.MAX_DATA, [limit]);
  }

  streamDone(stream: TcpStream): void {
    this.#starved.delete(stream);
    this.#streams.delete(stream.id);
    if (!stream.incoming) return;
    const limit = this.#fromClient[stream.bidirectional ? 'bidi' : 'uni'].end();
    if (limit > 0) this.#send(stream.bidirectional ? Capsule.MAX_STREAMS_BIDI : Capsule.MAX_STREAMS_UNI, [limit]);
  }

  #send(type: number, fields: readonly number[], payload: Uint8Array = NOTHING): void {
    if (this.state === 'open') this.#write(this.#framing.encode(type, fields, payload));
  }

  #write(bytes: Uint8Array): void {
    if (!this.channel.write(bytes)) this.#isFull = true;
  }
}

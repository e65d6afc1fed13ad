import {
  type DatagramSendResult,
  type QuicCloseInfo,
  type QuicConnection,
  type QuicConnectionHandler,
  type QuicStats,
  SILENT_CONNECTION,
  STREAM_ABORTED,
  STREAM_BLOCKED,
  STREAM_GONE,
} from '../engine.js';
import type { GoodputGuard } from '../goodput-guard.js';
import type { NativeConnection, NativeRecvInfo } from '../native.js';
import { hasLongHeader } from '../packet-header.js';
import { UnreadBytes, type UnreadSum } from '../unread-bytes.js';
import { StreamEnds } from './stream-ends.js';
import { StreamWatch } from './stream-watch.js';

const READ = 0;
const WRITE = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NOTHING = new Uint8Array(0);

/**
 * Packets with a long header that a handshake may take: a certificate, and all that is sent again within its time, is some thirty.
 * Who floods one with more, which costs ten times what a stray packet does, finds that nobody listens until its time is over.
 */
const MAX_HANDSHAKE_PACKETS = 128;

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  readonly counters: UnreadSum;
  /** Puts the connection on the list for the next flush. */
  touch(connection: QuicheConnection): void;
  /** Sends what the connection has at once. Returns how many packets that were. */
  sendNow(connection: QuicheConnection): void;
}

/** In front of all other streams. */
const FIRST = 0;

/** The code in an error of quiche such as `StreamReset(7)`, or -1 where it is another error. */
function codeOf(error: unknown, name: string): number {
  const message = (error as Error).message;
  return message.startsWith(name) ? Number(message.slice(name.length + 1, -1)) : -1;
}

/** One QUIC connection over the native binding: calls, their errors as return values, and which events are due. */
export class QuicheConnection implements QuicConnection {
  handler: QuicConnectionHandler = SILENT_CONNECTION;
  streamFinished = false;
  streamErrorCode = 0;
  isEstablished = false;
  isClosed = false;
  peerAddress: string;
  peerPort: number;

  /** On the endpoint's list for the next flush. */
  touched = false;
  /** Of a server, and came lately: others have their turn before it. */
  isNewcomer: boolean;
  /** When it is no newcomer any more, ms. */
  settlesAt = Number.POSITIVE_INFINITY;
  /** It has taken a packet. */
  hasHeard = false;
  /** Packets taken since events were last raised. */
  pendingPackets = 0;
  /** With a long header, before it was established. */
  #handshakePackets = 0;
  /** IDs of ours that lead here. */
  readonly localIds: Uint8Array[] = [];
  /** Key in the endpoint's table of handshakes, until established. */
  originalKey: string | null = null;
  handshakeDeadline = Number.POSITIVE_INFINITY;
  lastSentAt = 0;
  /** A timer of quiche's has run out at least once. */
  timerFired = false;
  /** Longest datagram queued since the last packet that had room to spare. */
  longestQueuedDatagram = 0;
  /** Something was written to a stream since quiche had no more to send: it puts one stream into a packet. */
  hasStreamData = false;
  /** How it ended, once that is known. */
  closeRequested: QuicCloseInfo | null = null;
  closeNotified = false;
  readonly streams: StreamWatch;
  readonly ends: StreamEnds;
  readonly unread: UnreadBytes;
  #nextBidirectional: number;
  #nextUnidirectional: number;
  #wantsStreams = false;

  constructor(
    readonly index: number,
    readonly isServer: boolean,
    readonly native: NativeConnection,
    readonly recvInfo: NativeRecvInfo,
    readonly host: ConnectionHost,
    readonly guard: GoodputGuard | null,
  ) {
    this.peerAddress = recvInfo.from.host;
    this.peerPort = recvInfo.from.port;
    this.isNewcomer = isServer;
    this.#nextBidirectional = isServer ? 1 : 0;
    this.#nextUnidirectional = isServer ? 3 : 2;
    this.ends = new StreamEnds(
      native,
      this.#nextUnidirectional,
      () => this.stats(),
      () => this.#probe(),
    );
    this.streams = new StreamWatch(native, isServer, this.ends);
    this.unread = new UnreadBytes(host.counters);
  }

  get wireRatio(): number {
    return this.guard?.ratio ?? 1;
  }

  peerCertificates(): Uint8Array[] {
    return this.native.peerCertChain() ?? [];
  }

  streamsLeft(bidirectional: boolean): number {
    if (this.isClosed) return 0;
    return bidirectional ? this.native.peerStreamsLeftBidi() : this.native.peerStreamsLeftUni();
  }

  openStream(bidirectional: boolean, watchStop = true): number {
    if (this.streamsLeft(bidirectional) <= 0) {
      this.#wantsStreams = true;
      return -1;
    }
    const id = bidirectional ? this.#nextBidirectional : this.#nextUnidirectional;
    // Setting its (default) priority makes quiche create the stream, so that it counts against the limit at once.
    this.native.streamPriority(id, 127, true);
    if (bidirectional) {
      this.#nextBidirectional += 4;
      this.streams.addReader(id);
    } else {
      this.#nextUnidirectional += 4;
    }
    if (watchStop) this.streams.addWriter(id);
    else this.streams.exempt(id);
    return id;
  }

  streamRead(id: number, into: Uint8Array): number {
    this.streamFinished = false;
    let result: [number, boolean] | null;
    try {
      result = this.native.streamRecv(id, into);
    } catch (error) {
      this.streams.removeReader(id);
      const code = codeOf(error, 'StreamReset');
      if (code < 0) return STREAM_GONE;
      this.streamErrorCode = code;
      this.host.touch(this);
      return STREAM_ABORTED;
    }
    if (result === null) return STREAM_BLOCKED;
    this.guard?.addUseful(result[0]);
    this.unread.read(result[0]);
    // Reading may owe the peer a window update.
    this.host.touch(this);
    if (result[1]) {
      this.streamFinished = true;
      this.streams.removeReader(id);
    }
    return result[0];
  }

  streamWrite(id: number, bytes: Uint8Array, end: boolean): number {
    if (this.isClosed) return STREAM_GONE;
    let taken: number;
    try {
      if (end && bytes.length === 0) return this.#endStream(id);
      taken = this.native.streamSend(id, bytes, end) ?? 0;
    } catch (error) {
      this.streams.removeWriter(id);
      const code = codeOf(error, 'StreamStopped');
      if (code < 0) return STREAM_GONE;
      this.streamErrorCode = code;
      return STREAM_ABORTED;
    }
    this.hasStreamData = true;
    this.host.touch(this);
    this.guard?.addUseful(taken);
    if (taken > 0) this.ends.wrote(id);
    if (taken < bytes.length) {
      this.streams.addBlocked(id);
    } else if (end) {
      this.streams.removeWriter(id);
    } else {
      this.streams.addWriter(id);
    }
    return taken;
  }

  /** Ends a stream behind what was written before, when {@link StreamEnds} lets it. */
  #endStream(id: number): number {
    const { native, host, ends, streams } = this;
    // Throws where the client asked to stop.
    native.streamCapacity(id);
    // What was lost and waits to be sent again is under way too.
    if (!ends.rides(id)) host.sendNow(this);
    const now = performance.now();
    const way = ends.way(id, now);
    if (way === null) {
      streams.addWriter(id);
      host.touch(this);
      return STREAM_BLOCKED;
    }
    if (way === 'again') native.streamPriority(id, FIRST, true);
    native.streamSend(id, NOTHING, true);
    streams.removeWriter(id);
    this.hasStreamData = true;
    if (way !== 'rides') host.sendNow(this);
    // Once more in another packet, where once may not do.
    if (ends.said(id, way, now)) this.hasStreamData = true;
    host.touch(this);
    return 0;
  }

  /** Sends a packet with nothing to say, all else having left that could. Returns whether there was room for it. */
  #probe(): boolean {
    const before = this.ends.packets;
    this.native.sendAckEliciting();
    this.host.sendNow(this);
    return this.ends.packets > before;
  }

  streamStop(id: number, code: number): void {
    this.streams.removeReader(id);
    this.#shutdown(id, READ, code);
  }

  streamReset(id: number, code: number): void {
    this.streams.removeWriter(id);
    this.#shutdown(id, WRITE, code);
  }

  #shutdown(id: number, direction: 0 | 1, code: number): void {
    if (this.isClosed) return;
    try {
      this.native.streamShutdown(id, direction, code);
    } catch {
      // The stream ended by itself in the meantime: what was asked for is the case.
    }
    this.host.touch(this);
  }

  streamPause(id: number): void {
    this.streams.pause(id);
  }

  streamResume(id: number): void {
    if (this.streams.resume(id)) this.host.touch(this);
  }

  streamPriority(id: number, urgency: number): void {
    try {
      this.native.streamPriority(id, urgency, true);
    } catch {
      // Gone: nothing left to order.
    }
  }

  datagramSend(bytes: Uint8Array): DatagramSendResult {
    if (this.isClosed) return 'unsupported';
    try {
      if (this.native.dgramSend(bytes) === null) return 'queue-full';
    } catch (error) {
      return (error as Error).message === 'BufferTooShort' ? 'too-big' : 'unsupported';
    }
    if (bytes.length > this.longestQueuedDatagram) this.longestQueuedDatagram = bytes.length;
    this.guard?.addUseful(bytes.length);
    this.host.touch(this);
    return 'sent';
  }

  datagramMaxLength(): number {
    return this.isClosed ? 0 : (this.native.dgramMaxWritableLen() ?? 0);
  }

  close(application: boolean, code: number, reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.closeRequested = { by: 'local', application, code, reason };
    try {
      // Before the handshake is done an application close goes as APPLICATION_ERROR, which quiche sees to.
      this.native.close(application, code, encoder.encode(reason));
    } catch {
      // Already closing from the other side.
    }
    this.host.touch(this);
  }

  stats(): QuicStats {
    const [path] = this.native.pathStats();
    return {
      packetsReceived: path?.recv ?? 0,
      packetsSent: path?.sent ?? 0,
      packetsLost: path?.lost ?? 0,
      bytesReceived: path?.recvBytes ?? 0,
      bytesSent: path?.sentBytes ?? 0,
      rtt: path?.rtt ?? 0,
      congestionWindow: path?.cwnd ?? 0,
      deliveryRate: path?.deliveryRate ?? 0,
    };
  }

  /** Whether a packet that comes before it is established is looked at. */
  takesToBegin(packet: Uint8Array): boolean {
    return !hasLongHeader(packet) || ++this.#handshakePackets <= MAX_HANDSHAKE_PACKETS;
  }

  /** Raises what is due after packets or a timeout: establishment, datagrams, streams, end. */
  raiseEvents(scratch: Uint8Array, now: number): void {
    this.pendingPackets = 0;
    if (this.closeNotified) return;
    if (!this.isEstablished && this.native.isEstablished()) {
      this.isEstablished = true;
      this.handler.onEstablished();
    }
    if (this.isEstablished && !this.isClosed) {
      if (this.ends.repeat(now)) this.hasStreamData = true;
      if (this.#raiseDatagrams(scratch)) this.streams.raise(this, now);
      if (this.#wantsStreams && (this.streamsLeft(true) > 0 || this.streamsLeft(false) > 0)) {
        this.#wantsStreams = false;
        this.handler.onStreamsAvailable();
      }
    }
    if (this.closeRequested !== null || this.native.isDraining() || this.hasEnded()) this.#notifyClosed();
  }

  /** Whether quiche is done with the connection. That comes by a timer, or before it was established. */
  hasEnded(): boolean {
    return (this.timerFired || !this.isEstablished) && this.native.isClosed();
  }

  /** @returns false where no stream can have anything to say either. */
  #raiseDatagrams(scratch: Uint8Array): boolean {
    let length = this.native.dgramRecv(scratch);
    if (length === null) return true;
    this.#raiseDatagram(scratch, length);
    // Most batches hold one datagram and nothing else: one call tells that for datagrams and streams together.
    if (this.isClosed || (!this.streams.hasWriters && !this.native.isReadable())) return false;
    for (length = this.native.dgramRecv(scratch); length !== null; length = this.native.dgramRecv(scratch)) {
      this.#raiseDatagram(scratch, length);
      if (this.isClosed) return false;
    }
    return true;
  }

  #raiseDatagram(scratch: Uint8Array, length: number): void {
    this.guard?.addUseful(length);
    this.unread.read(length);
    this.handler.onDatagram(scratch, length);
  }

  /** Ends without a word to the peer; the handler still hears of it. */
  abandon(info: QuicCloseInfo): void {
    this.closeRequested ??= info;
    this.#notifyClosed();
  }

  #notifyClosed(): void {
    if (this.closeNotified) return;
    this.isClosed = true;
    this.closeNotified = true;
    this.closeRequested ??= this.#nativeCloseInfo();
    this.handler.onClosed(this.closeRequested);
  }

  #nativeCloseInfo(): QuicCloseInfo {
    const peer = this.native.peerError();
    const error = peer ?? this.native.localError();
    if (error !== null) {
      return {
        by: peer !== null ? 'peer' : 'engine',
        application: error.isApp,
        code: error.errorCode,
        reason: decoder.decode(error.reason),
      };
    }
    const by = this.isEstablished ? 'idle-timeout' : 'handshake-timeout';
    return { by, application: false, code: 0, reason: by };
  }
}

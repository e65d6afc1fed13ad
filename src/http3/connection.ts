import type { QuicCloseInfo, QuicConnection, QuicConnectionHandler } from '../quic/engine.js';
import { readVarint } from '../quic/varint.js';
import { CriticalStreams } from './critical-streams.js';
import { EarlyArrivals } from './early-arrivals.js';
import { H3ConnectionError, H3Error, H3StreamError } from './errors.js';
import { Frame } from './frame-reader.js';
import { encodeFrame } from './frame-writer.js';
import { isWebTransport, type RequestHead } from './message.js';
import { OwnStreams } from './own-streams.js';
import { PeerStreams } from './peer-streams.js';
import type { HeaderField } from './qpack/field-section.js';
import { type RequestOwner, RequestStream } from './request-stream.js';
import { type SessionClose, type SessionOwner, WebTransportSession } from './session.js';
import { encodeSettings, ownSettings, type Settings, supportsWebTransport } from './settings.js';
import { WebTransportStream } from './stream.js';
import type { StreamSink } from './stream-sink.js';

export interface H3Options {
  /** WebTransport sessions at once on a connection. */
  maxSessions: number;
  /** RFC 9114 section 4.2.2, bytes. */
  maxFieldSectionSize: number;
  /** Streams (and datagrams) held whose CONNECT has not come yet. */
  maxEarly: number;
}

export const DEFAULT_H3_OPTIONS: H3Options = { maxSessions: 16, maxFieldSectionSize: 16384, maxEarly: 32 };

/** An ordinary request, not WebTransport. */
export interface PlainRequest {
  head: RequestHead;
  respond(status: number, headers?: readonly HeaderField[], body?: Uint8Array): void;
}

/** Receives what a connection has to tell. */
export interface H3Handler {
  /** Server: whether a request may be made, asked of each before anything is done about it; nothing is where not. */
  mayAsk?(): boolean;
  /** Server: a client asks for a session. Call accept or reject, now or later. */
  onSession(session: WebTransportSession): void;
  /** Server. */
  onRequest(request: PlainRequest): void;
  /** The peer's SETTINGS came; `webTransport` tells whether they allow sessions. */
  onReady(webTransport: boolean): void;
  /** The last session that there was is over. */
  onUnused?(): void;
  onClosed(info: QuicCloseInfo): void;
}

const NOTHING: Uint8Array = new Uint8Array(0);
/** Capacity of what is read at once where a stream is ours to parse; shared by all connections of a thread. */
const scratch = new Uint8Array(65536);

/**
 * HTTP/3 with WebTransport over one QUIC connection, for either side. Sans-IO: QUIC's events come in, calls on
 * {@link QuicConnection} go out.
 */
export class H3Connection implements QuicConnectionHandler, SessionOwner, RequestOwner {
  readonly #sinks = new Map<number, StreamSink>();
  readonly #streams = new Map<number, WebTransportStream>();
  readonly #requests = new Map<number, RequestStream>();
  readonly #sessions = new Map<number, WebTransportSession>();
  /** The session of the last datagram: nearly always that of the next. */
  #lastSession: WebTransportSession | null = null;
  readonly #early: EarlyArrivals;
  readonly #own: OwnStreams;
  readonly #critical: CriticalStreams;
  readonly #fromPeer: PeerStreams;
  #highestRequest = -4;
  #goawaySent = Number.POSITIVE_INFINITY;
  peerSettings: Settings | null = null;
  peerDraining = false;

  constructor(
    readonly quic: QuicConnection,
    readonly handler: H3Handler,
    readonly options: H3Options = DEFAULT_H3_OPTIONS,
  ) {
    quic.handler = this;
    this.#early = new EarlyArrivals(options.maxEarly);
    this.#own = new OwnStreams(quic, (id, sink) => this.#sinks.set(id, sink));
    this.#critical = new CriticalStreams(quic, scratch, {
      setSink: (id, sink) => this.#sinks.set(id, sink),
      onSettings: (settings) => {
        this.peerSettings = settings;
        handler.onReady(supportsWebTransport(settings, !quic.isServer));
      },
      onGoaway: () => {
        this.peerDraining = true;
        for (const session of this.#sessions.values()) session.handler.onDraining();
      },
    });
    this.#fromPeer = new PeerStreams(quic, {
      setSink: (id, sink) => this.#sinks.set(id, sink),
      removeSink: (id) => this.#sinks.delete(id),
      onRequest: (id, bytes, end) => this.#beginRequest(id, bytes, end),
      onCritical: (id, type, rest, end) => this.#critical.begin(id, type, rest, end),
      onSessionStream: (id, sessionId, rest, end) => this.#beginWebTransport(id, sessionId, rest, end),
      onAbandoned: () => this.#abandoned(),
    });
  }

  get sessions(): Iterable<WebTransportSession> {
    return this.#sessions.values();
  }

  /** True while a request or session has something left to say or hear. */
  get isBusy(): boolean {
    return this.#requests.size > 0;
  }

  get maxFieldSectionSize(): number {
    return this.options.maxFieldSectionSize;
  }

  onEstablished(): void {
    const { maxSessions, maxFieldSectionSize } = this.options;
    const settings = encodeSettings(ownSettings(maxSessions, maxFieldSectionSize, this.quic.isServer));
    this.#orFail(() => this.#own.open(settings));
  }

  onDatagram(bytes: Uint8Array, length: number): void {
    const quarter = readVarint(bytes, 0, length);
    if (quarter < 0) {
      this.#fail(new H3ConnectionError(H3Error.DATAGRAM_ERROR, 'datagram without a session'));
      return;
    }
    const id = quarter * 4;
    const start = 1 << (bytes[0] >> 6);
    let session = this.#lastSession;
    if (session === null || session.id !== id) {
      session = this.#sessions.get(id) ?? null;
      if (session === null) {
        this.#holdDatagram(id, bytes, length);
        return;
      }
      this.#lastSession = session;
    }
    session.receiveDatagram(bytes, start, length);
  }

  #holdDatagram(sessionId: number, bytes: Uint8Array, length: number): void {
    // RFC 9297 section 2.1: what names no request that is or will be is dropped.
    if (sessionId <= this.#highestRequest || !this.quic.isServer) return;
    this.#early.holdDatagram(sessionId, bytes, length);
  }

  onStreamReadable(id: number): void {
    this.#guarded(id, () => {
      const sink = this.#sinks.get(id);
      if (sink !== undefined) {
        sink.onReadable();
        return;
      }
      const stream = this.#streams.get(id);
      if (stream !== undefined) {
        stream.handler.onReadable();
        return;
      }
      const ours = (id & 1) === (this.quic.isServer ? 1 : 0);
      if (ours) this.quic.streamRead(id, scratch);
      else this.#fromPeer.begin(id);
    });
  }

  onStreamWritable(id: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) stream.onWritable();
    else this.#orFail(() => this.#sinks.get(id)?.onWritable?.());
  }

  onStreamStopped(id: number, code: number): void {
    const stream = this.#streams.get(id);
    if (stream !== undefined) stream.onStopped(code);
    else this.#sinks.get(id)?.onStopped?.(code);
  }

  onStreamsAvailable(): void {
    for (const session of this.#sessions.values()) session.handler.onStreamsAvailable();
  }

  onClosed(info: QuicCloseInfo): void {
    const clean = info.by !== 'engine' && info.application && info.code === H3Error.NO_ERROR;
    for (const session of [...this.#sessions.values()]) session.connectionClosed(0, info.reason, clean, causeOf(info));
    this.#streams.clear();
    this.#sinks.clear();
    this.#requests.clear();
    this.#early.clear();
    this.handler.onClosed(info);
  }

  /** Runs what a peer's bytes set off; its errors end the stream or the connection with their code. */
  #guarded(id: number, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (error instanceof H3StreamError) this.#abortRequest(id, error);
      else if (error instanceof H3ConnectionError) this.#fail(error);
      else throw error;
    }
  }

  /** The same of what concerns no stream by itself. */
  #orFail(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof H3ConnectionError)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: H3ConnectionError): void {
    this.quic.close(true, error.code, error.message);
  }

  #abortRequest(id: number, error: H3StreamError): void {
    this.quic.streamReset(id, error.code);
    this.quic.streamStop(id, error.code);
    this.#sessions.get(id)?.connectionClosed(0, error.message, false, 'malformed');
    this.requestDone(id);
  }

  /** A stream was reset before it said whose it is: the session's where there is but one. */
  #abandoned(): void {
    if (this.#sessions.size !== 1) return;
    for (const session of this.#sessions.values()) session.handler.onStreamAbandoned?.();
  }

  #beginRequest(id: number, bytes: Uint8Array, end: boolean): void {
    this.#highestRequest = Math.max(this.#highestRequest, id);
    if (id >= this.#goawaySent) throw new H3StreamError(H3Error.REQUEST_REJECTED, 'going away');
    const request = this.#addRequest(id);
    request.push(bytes, end);
    if (!end) request.onReadable();
  }

  #addRequest(id: number): RequestStream {
    const request = new RequestStream(this, id);
    this.#requests.set(id, request);
    this.#sinks.set(id, {
      onReadable: () => request.onReadable(),
      onWritable: () => request.flush(),
      onStopped: () => request.stopped(),
    });
    return request;
  }

  #beginWebTransport(id: number, sessionId: number, rest: Uint8Array, end: boolean): void {
    const stream = new WebTransportStream(this.quic, this, id, sessionId, true, (id & 2) === 0);
    stream.setLeftover(rest, end);
    this.#streams.set(id, stream);
    const session = this.#sessions.get(sessionId);
    if (session !== undefined) session.receiveStream(stream);
    else if (sessionId <= this.#highestRequest || !this.quic.isServer) stream.abort();
    else this.#early.holdStream(stream);
  }

  /** Client: asks for a session. Its state turns 'open' with the answer; `onAnswer` gets the status. */
  openSession(head: RequestHead, extra: readonly HeaderField[], onAnswer: (status: number) => void) {
    const id = this.quic.openStream(true);
    if (id < 0) return null;
    const session = new WebTransportSession(this, id, head);
    this.#sessions.set(id, session);
    const request = this.#addRequest(id);
    request.session = session;
    request.onAnswer = (answer) => {
      session.head.headers = answer.headers;
      if (answer.status < 200 || answer.status > 299) {
        request.send(NOTHING, true);
        session.connectionClosed(0, `refused with status ${answer.status}`, true);
        onAnswer(answer.status);
        return;
      }
      onAnswer(answer.status);
      session.open();
    };
    request.sendHead(
      [
        [':method', 'CONNECT'],
        [':scheme', 'https'],
        [':authority', head.authority],
        [':path', head.path],
        [':protocol', 'webtransport'],
        ['sec-webtransport-http3-draft02', '1'],
        ...extra,
      ],
      false,
    );
    return session;
  }

  onRequestHead(request: RequestStream, head: RequestHead): void {
    if (this.handler.mayAsk?.() === false) return;
    if (!isWebTransport(head)) {
      this.handler.onRequest({
        head,
        respond: (status, headers = [], body = NOTHING) => {
          const fields: HeaderField[] = [
            [':status', String(status)],
            ['content-length', String(body.length)],
            ...headers,
          ];
          request.sendHead(fields, body.length === 0 || head.method === 'HEAD');
          if (body.length > 0 && head.method !== 'HEAD') request.send(encodeFrame(Frame.DATA, body), true);
          request.ignoreRest();
        },
      });
      return;
    }
    const session = new WebTransportSession(this, request.id, head);
    request.session = session;
    this.#sessions.set(session.id, session);
    this.#early.giveTo(session);
    if (this.#sessions.size > this.options.maxSessions) {
      session.reject(429);
      return;
    }
    this.handler.onSession(session);
  }

  /** Server: GOAWAY and DRAIN to all sessions (RFC 9114 section 5.2). */
  drain(): void {
    if (this.#goawaySent !== Number.POSITIVE_INFINITY || this.quic.isClosed || !this.quic.isEstablished) return;
    this.#goawaySent = this.#highestRequest + 4;
    this.#orFail(() => this.#own.goaway(this.quic.isServer ? this.#goawaySent : 0));
    for (const session of this.#sessions.values()) session.drain();
  }

  /** Ends the connection in good order. */
  close(code: number = H3Error.NO_ERROR, reason = ''): void {
    this.quic.close(true, code, reason);
  }

  // What sessions and requests ask for.

  sendOnRequest(id: number, bytes: Uint8Array, end: boolean): void {
    this.#requests.get(id)?.send(bytes, end);
  }

  respond(id: number, fields: readonly HeaderField[], end: boolean): void {
    this.#requests.get(id)?.sendHead(fields, end);
  }

  cancelRequest(id: number): void {
    this.#requests.get(id)?.cancel();
  }

  adoptStream(stream: WebTransportStream): void {
    this.#streams.set(stream.id, stream);
  }

  streamDone(stream: WebTransportStream): void {
    this.#streams.delete(stream.id);
    const session = this.#sessions.get(stream.sessionId);
    if (session !== undefined && session.state !== 'closed') session.streams.delete(stream);
  }

  sessionClosed(session: WebTransportSession): void {
    this.#sessions.delete(session.id);
    if (this.#lastSession === session) this.#lastSession = null;
    if (this.#sessions.size === 0) this.handler.onUnused?.();
  }

  requestDone(id: number): void {
    this.#requests.delete(id);
    this.#sinks.delete(id);
  }

  get readBuffer(): Uint8Array {
    return scratch;
  }
}

/** Why a connection ended, where that is for its peer to answer for. */
function causeOf({ by, application, code }: QuicCloseInfo): SessionClose['cause'] {
  if (by === 'idle-timeout') return 'timeout';
  const isOurs = by === 'local' || by === 'engine';
  return isOurs && !(application && code === H3Error.NO_ERROR) ? 'malformed' : undefined;
}

import { once } from 'node:events';
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { CapsuleFraming } from '../http2/capsule-framing.js';
import { NO_LIMITS, type PeerLimits } from '../http2/peer-limits.js';
import { TcpSession } from '../http2/session.js';
import type { SessionFault } from '../http2/session-error.js';
import { WebSocketFraming } from '../http2/websocket-framing.js';
import { DEFAULT_H3_OPTIONS, type PlainRequest } from '../http3/connection.js';
import type { RequestHead } from '../http3/message.js';
import type { HeaderField } from '../http3/qpack/field-section.js';
import { TidegateError } from '../quic/errors.js';
import { ConnectionPlaces } from './connection-places.js';
import { destroyAfter } from './deadline.js';
import { destroyAfterRead } from './deferred-destroy.js';
import { DuplexChannel } from './duplex-channel.js';
import { endDead } from './heartbeat.js';
import { HTTP2_OPTIONS, OWN_LIMITS, peerLimits, SESSION_WINDOW } from './http2-settings.js';
import { endIdle } from './idle-connection.js';
import { LoopTurns } from './loop-turns.js';
import { headOf, headOfHttp1 } from './request-heads.js';
import { acceptTls } from './tls-accept.js';
import { asksForWebSocket, selectSubprotocol, upgradeAnswer } from './websocket-upgrade.js';

/** HTTP/2's own windows hold nobody up: bytes are read as they come, and a session's limits are its own. */
const CONNECTION_WINDOW = 2 * SESSION_WINDOW;
const FAULT_CODES: Record<SessionFault, number> = {
  protocol: constants.NGHTTP2_PROTOCOL_ERROR,
  unsupported: constants.NGHTTP2_PROTOCOL_ERROR,
  'flow-control': constants.NGHTTP2_FLOW_CONTROL_ERROR,
  'too-big': constants.NGHTTP2_ENHANCE_YOUR_CALM,
};

const HTTP2 = 'h2';
/** For ALPN, first those that are preferred. */
const PROTOCOLS = [HTTP2, 'http/1.1'];

/** A connection of HTTP/1.1, which has until then to say what it wants. */
interface Http1Connection {
  socket: Socket;
  timer: NodeJS.Timeout;
}

export interface TcpServerOptions {
  host: string;
  port: number;
  reusePort: boolean;
  /** PEM. */
  certificate: string;
  privateKey: string;
  maxConnections: number;
  /** ms for a TLS handshake, and then for a request of HTTP/1.1. */
  handshakeTimeoutMs: number;
  /** ms without a stream after which a connection ends. */
  idleTimeoutMs: number;
}

export interface TcpServerHooks {
  /** A client asks for a session. Call accept or reject, now or later. */
  onSession(session: TcpSession, head: RequestHead, peer: string): void;
  onRequest(request: PlainRequest): void;
  /** Whether a connection may make one more request: called with each; `close` ends it. One such for each connection. */
  requestLimit(close: () => void): () => boolean;
  /** A connection could not be taken: there are no file descriptors left, say. */
  onError(error: Error): void;
}

/** HTTP/2 and WebSocket over TLS: sessions for clients that UDP does not get through to, and pages. */
export class TcpServer {
  readonly #tcp: Server;
  #secureContext: SecureContext;
  readonly #http1 = createHttp1Server();
  readonly places: ConnectionPlaces;
  readonly #turns = new LoopTurns();
  readonly #ofHttp1 = new WeakMap<Duplex, Http1Connection>();
  readonly #connections = new Set<ServerHttp2Session>();
  readonly #sessions = new Set<TcpSession>();
  /** Settles when no connection is left; null: it listens. */
  #closed: Promise<void> | null = null;

  constructor(
    readonly options: TcpServerOptions,
    readonly hooks: TcpServerHooks,
  ) {
    this.#secureContext = secureContextOf(options.certificate, options.privateKey);
    this.places = new ConnectionPlaces(options.maxConnections);
    this.#tcp = createTcpServer({ noDelay: true }, (socket) => this.#onConnection(socket));
    this.#http1.on('request', (request, response) => this.#onHttp1Request(request, response));
    this.#http1.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
  }

  /** Resolves with the port; throws TIDEGATE_E_LISTEN. */
  async listen(): Promise<number> {
    const { host, port, reusePort } = this.options;
    // Several shards on one port need reusePort.
    this.#tcp.listen({ host, port, ...(reusePort ? { reusePort: true } : {}) });
    await once(this.#tcp, 'listening').catch((cause: Error) => {
      throw new TidegateError('TIDEGATE_E_LISTEN', `can't listen on TCP ${host}:${port}: ${cause.message}`, {
        hint: 'another process has that TCP port: choose another with --port, or set tcp to false',
        cause,
      });
    });
    this.#tcp.on('error', this.hooks.onError);
    const address = this.#tcp.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  setCertificate(certificate: string, privateKey: string): void {
    this.#secureContext = secureContextOf(certificate, privateKey);
  }

  /** What sessions hold that came and was not read, bytes. */
  get unread(): number {
    let sum = 0;
    for (const { unread } of this.#sessions) sum += unread;
    return sum;
  }

  /** Ends the sessions that hold most until all hold no more than `most` bytes. Returns how many. */
  boundUnread(most: number): number {
    let held = this.unread;
    let ended = 0;
    for (const session of [...this.#sessions].sort((a, b) => b.unread - a.unread)) {
      if (held <= most) break;
      held -= session.unread;
      session.close(0, 'holds more unread than there is room for');
      ended++;
    }
    return ended;
  }

  #onConnection(socket: Socket): void {
    if (!this.places.take(socket)) return;
    const { handshakeTimeoutMs: timeoutMs } = this.options;
    const secureContext = this.#secureContext;
    acceptTls(socket, this.#turns, { secureContext, ALPNProtocols: PROTOCOLS, timeoutMs }, (tls) => {
      if (tls.alpnProtocol === HTTP2) this.#onHttp2(tls, socket);
      else this.#onHttp1(tls, socket);
    });
  }

  #onHttp1(tls: TLSSocket, socket: Socket): void {
    this.#ofHttp1.set(tls, { socket, timer: destroyAfter(socket, this.options.handshakeTimeoutMs) });
    this.#http1.emit('connection', tls);
  }

  #onHttp2(tls: TLSSocket, socket: Socket): void {
    const connection = performServerHandshake(tls, HTTP2_OPTIONS);
    destroyAfterRead(connection);
    this.#connections.add(connection);
    connection.on('error', () => {
      // 'close' follows.
    });
    const stop = endDead(
      {
        socket,
        ping: () => {
          if (!connection.destroyed) connection.ping(() => {});
        },
        // What it has to say nobody hears.
        destroy: () => socket.destroy(),
      },
      this.options.idleTimeoutMs,
    );
    connection.on('close', () => {
      stop();
      this.#connections.delete(connection);
    });
    connection.setLocalWindowSize(CONNECTION_WINDOW);
    endIdle(connection, this.options.idleTimeoutMs);
    const mayAsk = this.hooks.requestLimit(() => connection.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM));
    let sessions = 0;
    connection.on('stream', (stream, headers) => {
      stream.on('error', () => {
        // 'close' follows.
      });
      if (!mayAsk() || stream.destroyed) return;
      const head = headOf(headers);
      if (head.method !== 'CONNECT') {
        this.#onPage(stream, head);
        return;
      }
      const session = this.#openHttp2(stream, head, peerLimits(connection));
      if (session === null) return;
      sessions++;
      stream.once('close', () => sessions--);
      if (sessions > DEFAULT_H3_OPTIONS.maxSessions) session.reject(429);
      else this.hooks.onSession(session, head, socket.remoteAddress ?? '');
    });
  }

  #openHttp2(stream: ServerHttp2Stream, head: RequestHead, peer: PeerLimits): TcpSession | null {
    const subprotocol = selectSubprotocol(head.headers['sec-websocket-protocol']);
    const isWebSocket = head.protocol === 'websocket' && subprotocol !== null;
    const channel = new DuplexChannel(stream, {
      accept: () => respond(stream, 200, isWebSocket ? [['sec-websocket-protocol', subprotocol]] : [], false),
      reject: (status, headers) => respond(stream, status, headers, true),
      abort: ({ fault }) => stream.close(FAULT_CODES[fault]),
    });
    if (head.protocol !== 'webtransport' && !isWebSocket) {
      channel.reject(501, []);
      return null;
    }
    return this.#track(
      channel,
      isWebSocket
        ? new TcpSession(channel, (events) => new WebSocketFraming(events), WEBSOCKET)
        : new TcpSession(channel, (events) => new CapsuleFraming(events), { own: OWN_LIMITS, peer, announces: false }),
    );
  }

  #track(channel: DuplexChannel, session: TcpSession): TcpSession {
    channel.attach(session);
    if (session.state === 'closed') return session;
    this.#sessions.add(session);
    channel.duplex.once('close', () => this.#sessions.delete(session));
    return session;
  }

  #onPage(stream: ServerHttp2Stream, head: RequestHead): void {
    // What it says beside is not read.
    stream.resume();
    this.hooks.onRequest({
      head,
      respond: (status, headers = [], body) => {
        const isEmpty = body === undefined || head.method === 'HEAD';
        respond(stream, status, headers, isEmpty);
        if (!isEmpty) stream.end(body);
      },
    });
  }

  #onHttp1Request(request: IncomingMessage, response: ServerResponse): void {
    this.hooks.onRequest({
      head: headOfHttp1(request),
      respond: (status, headers = [], body) => {
        const fields = { ...Object.fromEntries(headers), 'content-length': body?.length ?? 0, connection: 'close' };
        response.writeHead(status, fields);
        response.end(body);
      },
    });
  }

  #onUpgrade(request: IncomingMessage, duplex: Duplex, early: Buffer): void {
    const key = request.headers['sec-websocket-key'];
    const subprotocol = selectSubprotocol(request.headers['sec-websocket-protocol']);
    const refuse = (status: number, headers: readonly HeaderField[]): void => {
      const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      const line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`;
      duplex.end(`${line}\r\nconnection: close\r\ncontent-length: 0\r\n${fields}\r\n`, () => duplex.destroy());
    };
    const channel = new DuplexChannel(duplex, {
      accept: () => {
        duplex.write(upgradeAnswer(key ?? '', subprotocol ?? ''));
        if (early.length > 0) duplex.unshift(early);
      },
      reject: refuse,
      abort: () => duplex.destroy(),
    });
    if (!asksForWebSocket(request) || subprotocol === null) {
      refuse(400, []);
      return;
    }
    // It is one that was handed in: what is to be read of it may be another's (Node 26, where there is a body).
    const { socket, timer } = this.#ofHttp1.get(request.socket) as Http1Connection;
    clearTimeout(timer);
    const session = new TcpSession(channel, (events) => new WebSocketFraming(events), WEBSOCKET);
    const { idleTimeoutMs } = this.options;
    const stop = endDead({ socket, ping: () => session.ping(), destroy: () => duplex.destroy() }, idleTimeoutMs);
    socket.once('close', stop);
    this.hooks.onSession(this.#track(channel, session), headOfHttp1(request), socket.remoteAddress ?? '');
  }

  /** Tells all that are here to wind up. */
  drain(): void {
    for (const connection of this.#connections) if (!connection.destroyed) connection.goaway();
    for (const session of this.#sessions) session.drain();
  }

  /** Takes no new connections. */
  retire(): void {
    this.#closed ??= new Promise((resolve) => this.#tcp.close(() => resolve()));
  }

  /** Resolves when all connections are gone: those that have something to say yet, within `lastWordsMs`. */
  async close(lastWordsMs: number): Promise<void> {
    this.retire();
    for (const connection of this.#connections) connection.close();
    const timer = setTimeout(() => this.places.close(), lastWordsMs);
    await this.#closed;
    clearTimeout(timer);
  }
}

/** Answers, unless the client has taken its request back. */
function respond(stream: ServerHttp2Stream, status: number, headers: readonly HeaderField[], ends: boolean): void {
  if (stream.destroyed || stream.closed) return;
  stream.respond({ ':status': status, ...Object.fromEntries(headers) }, { endStream: ends });
}

/** A WebSocket has no SETTINGS. */
const WEBSOCKET = { own: OWN_LIMITS, peer: NO_LIMITS, announces: true };

function secureContextOf(cert: string, key: string): SecureContext {
  return createSecureContext({ cert, key, honorCipherOrder: true });
}

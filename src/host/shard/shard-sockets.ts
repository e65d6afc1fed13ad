import type { WindowClasses } from '../../adapt/window-classes.js';
import { H3Connection, type PlainRequest } from '../../http3/connection.js';
import { H3Error } from '../../http3/errors.js';
import type { RequestHead } from '../../http3/message.js';
import { QlogFiles } from '../../net/qlog-files.js';
import { TcpServer } from '../../net/tcp-server.js';
import { bindUdp, type DriverHooks, UdpDriver } from '../../net/udp-driver.js';
import { addressPrefix } from '../../quic/address-prefix.js';
import { CountLimit } from '../../quic/count-limit.js';
import type { QuicConnection, QuicCounters } from '../../quic/engine.js';
import { DEFAULT_GOODPUT_LIMITS, DEFAULT_TRANSPORT } from '../../quic/options.js';
import { QuicheEndpoint } from '../../quic/quiche/endpoint.js';
import type { TransportSession } from '../transport.js';
import type { CertificatePair, ShardInit } from './messages.js';
import type { SessionAsk } from './shard-door.js';
import { ShardExchange } from './shard-exchange.js';
import { W3cListener } from './w3c-listener.js';

/** Ports that are tried where any will do. */
const MOST_PORTS = 20;
/** What peers get to take note of their sessions' end. */
const LAST_WORDS_MS = 300;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** ms after its last session that a connection is kept for another. Chromium leaves without a word. */
const UNUSED_MS = 5000;
/** Requests that a connection may make at once, sessions among them, and that are added a second. */
const REQUEST_BURST = 100;
const REQUESTS_PER_SECOND = 20;

/** Who is asked when a session wants in, and told what goes wrong. */
export interface SocketHooks {
  /** The status that a session is refused with, or null where it may come in. */
  refusal(path: string, origin: string | undefined): number | null;
  ask(ask: SessionAsk): void;
  warn(what: string, error: Error): void;
}

/** A shard's UDP socket with QUIC and HTTP/3 on it, its TCP listener, and the rings to the other shards. */
export class ShardSockets {
  readonly #connections = new Set<H3Connection>();
  #driver: UdpDriver | null = null;
  #exchange: ShardExchange | null = null;
  #tcp: TcpServer | null = null;
  #library: W3cListener | null = null;
  #tcpUnreadClosed = 0;
  /** Connections that were closed for asking too often. */
  requestFloods = 0;
  /** What `/.well-known/tidegate` answers, JSON. */
  wellKnown = '{}';

  constructor(
    readonly init: ShardInit,
    readonly windows: WindowClasses,
    readonly hooks: SocketHooks,
  ) {}

  /** Binds UDP and TCP, and resolves with the port. Where any port will do and one is free for UDP alone, the next is tried. */
  async open(): Promise<number> {
    const { init } = this;
    for (let tries = 1; ; tries++) {
      try {
        const port = await this.#bind();
        if (init.rings.length > 1 && this.#driver !== null) this.#exchange = new ShardExchange(init, this.#driver);
        return port;
      } catch (error) {
        if (init.port !== 0 || tries === MOST_PORTS || !(error as Error).message.includes('EADDRINUSE')) throw error;
        this.#library?.close();
        await this.#tcp?.close(0);
        await this.#driver?.close(H3Error.NO_ERROR, '');
      }
    }
  }

  async #bind(): Promise<number> {
    const { init, hooks } = this;
    let { port } = init;
    if (init.engine === 'quiche') {
      const socket = await bindUdp({ address: init.host, port, reusePort: init.reusePort });
      port = socket.address().port;
      this.#driver = new UdpDriver(
        socket,
        (driver) => this.#createEndpoint(driver, port),
        (error) => hooks.warn('UDP socket', error),
      );
    }
    if (init.engine === 'fails-components') {
      this.#library = new W3cListener(init, port, {
        refusal: (path, origin) => hooks.refusal(path, origin),
        onSession: (transport, path, peer) =>
          hooks.ask({ transport, path, origin: undefined, userAgent: undefined, peer, kind: 'http3' }),
        onError: (error) => hooks.warn('HTTP/3 listener', error),
      });
      port = await this.#library.start();
    }
    if (init.tcp) {
      this.#tcp = this.#createTcp(port);
      port = await this.#tcp.listen();
    }
    return port;
  }

  #createTcp(port: number): TcpServer {
    const { hooks, init } = this;
    const { host, reusePort, certificate, maxTcpConnections: maxConnections, idleTimeoutMs } = init;
    return new TcpServer(
      {
        host,
        port,
        reusePort,
        ...certificate,
        maxConnections,
        handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
        idleTimeoutMs,
      },
      {
        onSession: (session, head, peer) => this.#ask(session, head, peer, 'tcp'),
        onRequest: (request) => this.#answer(request),
        requestLimit: (close) => this.#requestLimit(close),
        onError: (error) => hooks.warn('TCP listener', error),
      },
    );
  }

  #ask(transport: TransportSession, { path, headers }: RequestHead, peer: string, kind: 'http3' | 'tcp'): void {
    const { origin, 'user-agent': userAgent } = headers;
    this.hooks.ask({ transport, path, origin, userAgent, peer, kind });
  }

  /** What a connection may ask for: it is closed where it asks more often. */
  #requestLimit(close: () => void): () => boolean {
    const limit = new CountLimit(REQUEST_BURST, REQUESTS_PER_SECOND, performance.now());
    let isClosed = false;
    return () => {
      if (limit.take(performance.now())) return true;
      if (!isClosed) this.requestFloods++;
      isClosed = true;
      close();
      return false;
    };
  }

  #createEndpoint(driver: DriverHooks, port: number): QuicheEndpoint {
    const { init } = this;
    return new QuicheEndpoint(
      {
        localAddress: init.host,
        localPort: port,
        protocols: ['h3'],
        transport: {
          ...DEFAULT_TRANSPORT,
          initialStreamWindow: Math.min(DEFAULT_TRANSPORT.initialStreamWindow, init.streamWindow),
          maxStreamWindow: init.streamWindow,
          idleTimeoutMs: init.idleTimeoutMs,
          allowMigration: init.allowMigration,
        },
        ...(init.keyLogFile === null ? {} : { keyLogFile: init.keyLogFile }),
        ...(init.qlogDir === null ? {} : { trace: new QlogFiles(init.qlogDir) }),
        server: {
          ...init.certificate,
          maxConnections: init.maxConnections,
          handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
          handshakes: init.handshakes,
          goodput: DEFAULT_GOODPUT_LIMITS,
          cidKeys: init.keys.cid,
          route: { host: init.hostId, shard: init.index },
          retryKeys: init.keys.retry,
          resetKey: init.keys.reset,
          streamWindow: (address) => Math.min(this.windows.windowOf(addressPrefix(address)), init.streamWindow),
        },
      },
      {
        ...driver,
        onConnection: (connection) => this.#onConnection(connection),
        onForeign: (shard, packet, address, from) => this.#exchange?.send(shard, packet, address, from) ?? false,
        onNewElsewhere: (packet, address, from) => this.#exchange?.sendToAccepting(packet, address, from) ?? false,
      },
    );
  }

  #onConnection(quic: QuicConnection): void {
    let unused: NodeJS.Timeout | undefined;
    const connection: H3Connection = new H3Connection(quic, {
      mayAsk: this.#requestLimit(() => {
        connection.close(H3Error.EXCESSIVE_LOAD, `more than ${REQUESTS_PER_SECOND} requests a second`);
      }),
      onSession: (session) => this.#ask(session, session.head, quic.peerAddress, 'http3'),
      onRequest: (request) => this.#answer(request),
      onReady: () => {},
      onUnused: () => {
        clearTimeout(unused);
        unused = setTimeout(() => this.#letGo(connection), UNUSED_MS).unref();
      },
      onClosed: () => {
        clearTimeout(unused);
        this.#connections.delete(connection);
      },
    });
    this.#connections.add(connection);
  }

  #letGo(connection: H3Connection): void {
    if (connection.isBusy) return;
    connection.close(H3Error.NO_ERROR);
    this.#driver?.scheduleFlush();
  }

  #answer({ head, respond }: PlainRequest): void {
    const [path] = head.path.split('?');
    const text = new TextEncoder();
    if (head.method !== 'GET' && head.method !== 'HEAD') respond(405, [['allow', 'GET, HEAD']]);
    else if (path === '/.well-known/tidegate') {
      respond(200, [['content-type', 'application/json']], text.encode(this.wellKnown));
    } else if (path === '/healthz') respond(200, [['content-type', 'text/plain']], text.encode('ok\n'));
    else respond(404, [['content-type', 'text/plain']], text.encode('not found\n'));
  }

  /** Of the QUIC endpoint (nothing where another engine speaks), with what there is of it over TCP. */
  get counters(): Partial<QuicCounters> {
    const quic = this.#driver?.endpoint.counters;
    const tcp = this.#tcp;
    return {
      ...quic,
      unreadBytes: (quic?.unreadBytes ?? 0) + (tcp?.unread ?? 0),
      unreadClosed: (quic?.unreadClosed ?? 0) + this.#tcpUnreadClosed,
      evictedConnections: (quic?.evictedConnections ?? 0) + (tcp?.places.evicted ?? 0),
      refusedFull: (quic?.refusedFull ?? 0) + (tcp?.places.refused ?? 0),
    };
  }

  get ringDropped(): number {
    return this.#exchange?.dropped ?? 0;
  }

  setCertificate(pair: CertificatePair): void {
    this.#driver?.endpoint.setCertificate(pair.certificate, pair.privateKey);
    this.#tcp?.setCertificate(pair.certificate, pair.privateKey);
    this.#library?.setCertificate(pair);
  }

  /** In front of the UDP socket, bytes. */
  setReceiveBuffer(bytes: number): void {
    this.#driver?.setReceiveBuffer(bytes);
  }

  reviewUnread(): void {
    this.#driver?.endpoint.reviewUnread();
  }

  /** All may hold so many bytes that are not read: QUIC and TCP give in proportion to what they hold. */
  boundUnread(bytes: number): void {
    const overTcp = this.#tcp?.unread ?? 0;
    const most = overTcp * Math.min(1, bytes / (this.counters.unreadBytes || 1));
    if (overTcp > most) this.#tcpUnreadClosed += this.#tcp?.boundUnread(most) ?? 0;
    this.#driver?.endpoint.boundUnread(bytes - most);
  }

  /** New connections go to other shards. */
  retire(): void {
    if (this.#driver !== null) this.#driver.endpoint.acceptsNew = false;
    this.#tcp?.retire();
  }

  /** Takes no new connections, and tells those that are here to wind up (GOAWAY, DRAIN). */
  drain(): void {
    this.retire();
    for (const connection of this.#connections) connection.drain();
    this.#tcp?.drain();
  }

  async close(): Promise<void> {
    this.#exchange?.close();
    this.#library?.close();
    await this.#tcp?.close(LAST_WORDS_MS);
    const driver = this.#driver;
    if (driver === null) return;
    driver.endpoint.flush(performance.now());
    await this.#untilQuiet();
    await driver.close(H3Error.NO_ERROR, 'host closes');
  }

  /** Lets the peers answer the close capsules: a connection's end in the same breath would hide them. */
  async #untilQuiet(): Promise<void> {
    for (let waited = 0; waited < LAST_WORDS_MS; waited += 10) {
      if (![...this.#connections].some((connection) => connection.isBusy)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

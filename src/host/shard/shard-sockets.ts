import type { WindowClasses } from '../../adapt/window-classes.js';
import { H3Connection, type PlainRequest } from '../../http3/connection.js';
import { H3Error } from '../../http3/errors.js';
import { QlogFiles } from '../../net/qlog-files.js';
import { bindUdp, type DriverHooks, UdpDriver } from '../../net/udp-driver.js';
import { addressPrefix } from '../../quic/address-prefix.js';
import type { QuicConnection, QuicCounters } from '../../quic/engine.js';
import { DEFAULT_GOODPUT_LIMITS, DEFAULT_TRANSPORT } from '../../quic/options.js';
import { QuicheEndpoint } from '../../quic/quiche/endpoint.js';
import { CountLimit } from '../count-limit.js';
import type { CertificatePair, ShardInit } from './messages.js';
import type { SessionAsk } from './shard-door.js';
import { ShardExchange } from './shard-exchange.js';
import { W3cListener } from './w3c-listener.js';

/** Ports that are tried where any will do. */
const MOST_PORTS = 20;
/** What peers get to take note of their sessions' end. */
const LAST_WORDS_MS = 300;
const HANDSHAKE_TIMEOUT_MS = 10_000;
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
  #tcp: W3cListener | null = null;
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
        await this.#tcp?.close();
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
    if (init.tcp || init.engine === 'fails-components') {
      this.#tcp = new W3cListener(init, port, {
        refusal: (path, origin) => hooks.refusal(path, origin),
        onSession: (transport, path, peer, kind) =>
          hooks.ask({ transport, path, origin: undefined, userAgent: undefined, peer, kind }),
        onError: (error) => hooks.warn('TCP listener', error),
      });
      port = await this.#tcp.start();
    }
    return port;
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
    const limit = new CountLimit(REQUEST_BURST, REQUESTS_PER_SECOND, performance.now());
    const mayAsk = (): boolean => {
      if (limit.take(performance.now())) return true;
      if (!quic.isClosed) this.requestFloods++;
      connection.close(H3Error.EXCESSIVE_LOAD, `more than ${REQUESTS_PER_SECOND} requests a second`);
      return false;
    };
    const connection: H3Connection = new H3Connection(quic, {
      onSession: (session) => {
        if (!mayAsk()) return;
        const { path, headers } = session.head;
        const { origin, 'user-agent': userAgent } = headers;
        this.hooks.ask({ transport: session, path, origin, userAgent, peer: quic.peerAddress, kind: 'http3' });
      },
      onRequest: (request) => {
        if (mayAsk()) this.#answer(request);
      },
      onReady: () => {},
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
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

  /** Of the QUIC endpoint; null where another engine speaks. */
  get quicCounters(): QuicCounters | null {
    return this.#driver?.endpoint.counters ?? null;
  }

  get ringDropped(): number {
    return this.#exchange?.dropped ?? 0;
  }

  setCertificate(pair: CertificatePair): void {
    this.#driver?.endpoint.setCertificate(pair.certificate, pair.privateKey);
    this.#tcp?.setCertificate(pair);
  }

  reviewUnread(): void {
    this.#driver?.endpoint.reviewUnread();
  }

  boundUnread(bytes: number): void {
    this.#driver?.endpoint.boundUnread(bytes);
  }

  /** New connections go to other shards. */
  retire(): void {
    if (this.#driver !== null) this.#driver.endpoint.acceptsNew = false;
  }

  /** Takes no new connections, and tells those that are here to wind up (GOAWAY, DRAIN). */
  drain(): void {
    this.retire();
    for (const connection of this.#connections) connection.drain();
  }

  async close(): Promise<void> {
    this.#exchange?.close();
    await this.#tcp?.close();
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

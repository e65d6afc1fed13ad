import { type MessagePort, threadId } from 'node:worker_threads';
import { limitsOf, type SocketSettings } from '../../adapt/settings.js';
import { SessionTable } from '../../core/session-table.js';
import { H3Connection, type PlainRequest } from '../../http3/connection.js';
import { H3Error } from '../../http3/errors.js';
import type { SessionClose } from '../../http3/session.js';
import { QlogFiles } from '../../net/qlog-files.js';
import { bindUdp, type DriverHooks, UdpDriver } from '../../net/udp-driver.js';
import type { QuicConnection } from '../../quic/engine.js';
import { DEFAULT_GOODPUT_LIMITS, DEFAULT_TRANSPORT } from '../../quic/options.js';
import { QuicheEndpoint } from '../../quic/quiche/endpoint.js';
import { builtInFunctions } from '../functions/built-in.js';
import type { HostFunction } from '../functions/endpoint.js';
import { clientPseudonym } from '../identity.js';
import type { TransportSession } from '../transport.js';
import { ShardCounters } from './counters.js';
import { HostSession, type SessionIdentity, type SessionShard } from './host-session.js';
import { LiveSessions } from './live-sessions.js';
import type { FromShard, ShardInit, ToShard } from './messages.js';
import { ShardExchange } from './shard-exchange.js';
import { TokenWaiters } from './token-waiters.js';
import { W3cListener } from './w3c-listener.js';

const HEARTBEAT_MS = 50;
/** What peers get to take note of their sessions' end. */
const LAST_WORDS_MS = 300;
/** The session's answer to a function that threw. */
const FUNCTION_FAILED = 1;

/** What a session asks before it is set up. */
interface SessionAsk {
  transport: TransportSession;
  path: string;
  origin: string | undefined;
  peer: string;
  kind: 'http3' | 'tcp';
}

/** One thread's share of the host: its UDP socket, QUIC and HTTP/3, its WASM core and the functions of its sessions. */
export class Shard implements SessionShard {
  readonly table = new SessionTable();
  readonly readers = new TokenWaiters(this.table, 'in');
  readonly writers = new TokenWaiters(this.table, 'out');
  readonly #live: LiveSessions;
  readonly #asked = new Map<number, (settings: SocketSettings) => void>();
  readonly #counters: ShardCounters;
  readonly #heartbeat: Int32Array;
  readonly #connections = new Set<H3Connection>();
  readonly #functions: ReadonlyMap<string, HostFunction> = builtInFunctions;
  /** Places of the functions' buckets, from 1. */
  readonly #functionIndex = new Map([...builtInFunctions.keys()].map((id, i) => [id, i + 1]));
  #driver: UdpDriver | null = null;
  #exchange: ShardExchange | null = null;
  #tcp: W3cListener | null = null;
  #nextRequest = 1;
  #draining = false;
  #wellKnown = '{}';
  #timers: NodeJS.Timeout[] = [];
  #drainTimer: NodeJS.Timeout | undefined;
  #finish: () => void = () => {};
  /** Resolves when the shard has ended. */
  readonly done: Promise<void>;
  #opened = 0;
  #refused = 0;
  #closed = 0;
  #functionErrors = 0;
  readonly #cpuAtStart = process.cpuUsage();

  constructor(
    readonly init: ShardInit,
    readonly port: MessagePort,
  ) {
    this.#counters = new ShardCounters(init.counters);
    this.#live = new LiveSessions(this.table, init.index);
    this.#heartbeat = new Int32Array(init.heartbeat);
    this.#shareCapacity();
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  #shareCapacity(): void {
    const { capacity, functions } = this.init;
    const now = performance.now();
    for (const direction of ['in', 'out'] as const) {
      this.table.setShardLimits(direction, capacity[direction], now);
      for (const [id, limits] of Object.entries(functions)) {
        const index = this.#functionIndex.get(id);
        if (index !== undefined) this.table.setFunctionLimits(index, direction, limits[direction], now);
      }
    }
  }

  async start(): Promise<void> {
    const { init } = this;
    this.port.on('message', (message: ToShard) => this.#onMessage(message));
    this.#beat();
    let port = init.port;
    if (init.engine === 'quiche') {
      const socket = await bindUdp({ address: init.host, port, reusePort: init.reusePort });
      port = socket.address().port;
      this.#driver = new UdpDriver(
        socket,
        (hooks) => this.#createEndpoint(hooks, port),
        (error) => {
          this.#log('warn', 'UDP socket', { error: error.message });
        },
      );
      if (init.rings.length > 1) this.#exchange = new ShardExchange(init, this.#driver);
    }
    if (init.tcp || init.engine === 'fails-components') {
      this.#tcp = new W3cListener(init, port, {
        refusal: (path, origin) => this.#refusal(path, origin),
        onSession: (transport, path, peer, kind) => this.#ask({ transport, path, origin: undefined, peer, kind }),
        onError: (error) => this.#log('warn', 'TCP listener', { error: error.message }),
      });
      port = await this.#tcp.start();
    }
    this.#timers = [setInterval(() => this.#beat(), HEARTBEAT_MS), setInterval(() => this.#tick(), init.tickMs)];
    this.#send({ type: 'ready', port, threadId, core: this.table.share });
  }

  #createEndpoint(hooks: DriverHooks, port: number): QuicheEndpoint {
    const { init } = this;
    return new QuicheEndpoint(
      {
        localAddress: init.host,
        localPort: port,
        protocols: ['h3'],
        transport: { ...DEFAULT_TRANSPORT, idleTimeoutMs: init.idleTimeoutMs, allowMigration: init.allowMigration },
        ...(init.keyLogFile === null ? {} : { keyLogFile: init.keyLogFile }),
        ...(init.qlogDir === null ? {} : { trace: new QlogFiles(init.qlogDir) }),
        server: {
          ...init.certificate,
          maxConnections: init.maxConnections,
          handshakeTimeoutMs: 10_000,
          handshakes: init.handshakes,
          goodput: DEFAULT_GOODPUT_LIMITS,
          cidKeys: init.keys.cid,
          route: { host: init.hostId, shard: init.index },
          retryKeys: init.keys.retry,
          resetKey: init.keys.reset,
        },
      },
      {
        ...hooks,
        onConnection: (connection) => this.#onConnection(connection),
        onForeign: (shard, packet, address, from) => this.#exchange?.send(shard, packet, address, from) ?? false,
        onNewElsewhere: (packet, address, from) => this.#exchange?.sendToAccepting(packet, address, from) ?? false,
      },
    );
  }

  #onConnection(quic: QuicConnection): void {
    const connection: H3Connection = new H3Connection(quic, {
      onSession: (session) => {
        const { path, headers } = session.head;
        this.#ask({ transport: session, path, origin: headers.origin, peer: quic.peerAddress, kind: 'http3' });
      },
      onRequest: (request) => this.#answer(request),
      onReady: () => {},
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }

  #answer({ head, respond }: PlainRequest): void {
    const [path] = head.path.split('?');
    if (head.method !== 'GET' && head.method !== 'HEAD') respond(405, [['allow', 'GET, HEAD']]);
    else if (path === '/.well-known/tidegate') {
      respond(200, [['content-type', 'application/json']], new TextEncoder().encode(this.#wellKnown));
    } else if (path === '/healthz') respond(200, [['content-type', 'text/plain']], new TextEncoder().encode('ok\n'));
    else respond(404, [['content-type', 'text/plain']], new TextEncoder().encode('not found\n'));
  }

  /** The status that a session is refused with, or null where it may come in. */
  #refusal(path: string, origin: string | undefined): number | null {
    const { allowedOrigins } = this.init;
    if (this.#draining) return 503;
    if (allowedOrigins !== null && origin !== undefined && !allowedOrigins.includes(origin)) return 403;
    return this.#functions.has(functionOf(path)) ? null : 404;
  }

  /** A session wants in: checked, its profile's settings asked for, then set up and accepted. */
  #ask(ask: SessionAsk): void {
    const { init } = this;
    const refuse = (status: number): void => {
      this.#refused++;
      ask.transport.reject(status);
    };
    const refusal = this.#refusal(ask.path, ask.origin);
    if (refusal !== null) {
      refuse(refusal);
      return;
    }
    const functionId = functionOf(ask.path);
    const hostFunction = this.#functions.get(functionId) as HostFunction;
    const client = clientPseudonym(init.keys.pseudonym, ask.peer, ask.path);
    const request = this.#nextRequest++;
    this.#asked.set(request, (settings) => {
      if (ask.transport.state !== 'pending') return;
      const identity = { client, transport: ask.kind, peer: ask.peer, path: ask.path };
      try {
        this.#open(ask.transport, identity, functionId, hostFunction, settings);
      } catch (error) {
        this.#log('warn', 'session refused', { error: (error as Error).message });
        refuse(503);
      }
    });
    this.#send({ type: 'open', request, client, functionId });
  }

  #open(
    transport: TransportSession,
    identity: SessionIdentity,
    functionId: string,
    hostFunction: HostFunction,
    settings: SocketSettings,
  ): void {
    const now = performance.now();
    const handle = this.table.open(now, {
      ...limitsOf(settings),
      functionIndex: this.#functionIndex.get(functionId) ?? 0,
      observe: this.init.mode === 'observe',
    });
    const weight = this.init.functions[functionId]?.weight ?? 1;
    const session = new HostSession(this, transport, handle, weight, identity, functionId, settings, now);
    this.#live.add(session, now);
    this.#opened++;
    session.start(hostFunction);
    this.#driver?.scheduleFlush();
  }

  sessionClosed(session: HostSession, { cause }: SessionClose): void {
    const last = this.#live.remove(session, performance.now(), cause);
    if (last === null) return;
    this.#send({ type: 'updates', updates: [last] });
    this.readers.delete(session.handle);
    this.writers.delete(session.handle);
    this.table.close(session.handle);
    this.#closed++;
    if (this.#draining && this.#live.size === 0) this.#endSoon();
  }

  functionFailed(session: HostSession, error: unknown): void {
    // The core is in a state that nobody can vouch for: the whole shard starts again.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    this.#functionErrors++;
    this.#log('error', `function ${session.functionId} failed`, {
      client: session.identity.client,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    session.close(FUNCTION_FAILED, 'function failed');
  }

  #tick(): void {
    const updates = this.#live.tick(performance.now());
    this.readers.review();
    this.writers.review();
    this.#live.countVerdicts(this.#counters);
    if (updates.length > 0) this.#send({ type: 'updates', updates });
  }

  #beat(): void {
    Atomics.add(this.#heartbeat, this.init.index, 1);
    const quic = this.#driver?.endpoint.counters;
    if (quic !== undefined) {
      for (const [name, value] of Object.entries(quic)) this.#counters.set(name as keyof typeof quic, value);
    }
    this.#counters.set('sessions', this.#live.size);
    this.#counters.set('sessionsOpened', this.#opened);
    this.#counters.set('sessionsRefused', this.#refused);
    this.#counters.set('sessionsClosed', this.#closed);
    this.#counters.set('functionErrors', this.#functionErrors);
    this.#counters.set('ringDropped', this.#exchange?.dropped ?? 0);
    const cpu = process.cpuUsage(this.#cpuAtStart);
    this.#counters.set('cpuMicroseconds', cpu.user + cpu.system);
  }

  #onMessage(message: ToShard): void {
    switch (message.type) {
      case 'settings':
        this.#asked.get(message.request)?.(message.settings);
        this.#asked.delete(message.request);
        return;
      case 'certificate':
        this.#driver?.endpoint.setCertificate(message.pair.certificate, message.pair.privateKey);
        this.#tcp?.setCertificate(message.pair);
        return;
      case 'wellKnown':
        this.#wellKnown = message.body;
        return;
      case 'report':
        this.#send({ type: 'report', request: message.request, ...this.#live.report(performance.now()) });
        return;
      case 'retire':
        this.#retire();
        return;
      case 'drain':
        this.#drain(message.deadlineMs);
        return;
      case 'close':
        void this.#end();
    }
  }

  /** New connections go elsewhere; those that are here stay until they end. */
  #retire(): void {
    if (this.#driver !== null) this.#driver.endpoint.acceptsNew = false;
    this.#draining = this.#live.size > 0 || this.#draining;
    if (this.#live.size === 0) this.#endSoon();
  }

  #drain(deadlineMs: number): void {
    this.#draining = true;
    if (this.#driver !== null) this.#driver.endpoint.acceptsNew = false;
    for (const connection of this.#connections) connection.drain();
    this.#driver?.scheduleFlush();
    if (this.#live.size === 0) this.#endSoon();
    else this.#drainTimer = setTimeout(() => void this.#end(), deadlineMs);
  }

  #endSoon(): void {
    // The last session's close capsule leaves first.
    clearTimeout(this.#drainTimer);
    this.#drainTimer = setTimeout(() => void this.#end(), 20);
  }

  async #end(): Promise<void> {
    clearTimeout(this.#drainTimer);
    for (const timer of this.#timers) clearInterval(timer);
    for (const session of this.#live.all()) session.close(0, 'host closes');
    this.readers.close();
    this.writers.close();
    this.#exchange?.close();
    await this.#tcp?.close();
    if (this.#driver !== null) {
      this.#driver.endpoint.flush(performance.now());
      await this.#untilQuiet();
      await this.#driver.close(H3Error.NO_ERROR, 'host closes');
    }
    this.#send({ type: 'drained' });
    this.port.close();
    this.#finish();
  }

  /** Lets the peers answer the close capsules: a connection's end in the same breath would hide them. */
  async #untilQuiet(): Promise<void> {
    for (let waited = 0; waited < LAST_WORDS_MS; waited += 10) {
      if (![...this.#connections].some((connection) => connection.isBusy)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #log(level: 'info' | 'warn' | 'error', message: string, detail?: Record<string, unknown>): void {
    this.#send({ type: 'log', level, message, ...(detail === undefined ? {} : { detail }) });
  }

  #send(message: FromShard): void {
    this.port.postMessage(message);
  }
}

/** The function that a path names: its first segment. */
function functionOf(path: string): string {
  return path.split('?')[0].split('/')[1] ?? '';
}

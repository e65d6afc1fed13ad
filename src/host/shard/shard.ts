import { performance as loop } from 'node:perf_hooks';
import { type MessagePort, threadId } from 'node:worker_threads';
import { WindowClasses } from '../../adapt/window-classes.js';
import type { AppErrorName } from '../../control/codes.js';
import type { Define, Hello } from '../../control/messages.js';
import { SessionTable } from '../../core/session-table.js';
import { H3Connection, type PlainRequest } from '../../http3/connection.js';
import { H3Error } from '../../http3/errors.js';
import type { SessionClose } from '../../http3/session.js';
import { QlogFiles } from '../../net/qlog-files.js';
import { bindUdp, type DriverHooks, UdpDriver } from '../../net/udp-driver.js';
import { addressPrefix } from '../../quic/address-prefix.js';
import type { QuicConnection } from '../../quic/engine.js';
import { DEFAULT_GOODPUT_LIMITS, DEFAULT_TRANSPORT } from '../../quic/options.js';
import { QuicheEndpoint } from '../../quic/quiche/endpoint.js';
import { SealShares } from '../control/seal-shares.js';
import { FunctionRegistry, type FunctionTable } from '../functions/function-registry.js';
import { ShardPeers } from '../functions/peers/shard-peers.js';
import { BufferPool } from '../functions/receive/buffer-pool.js';
import { ShardCounters } from './counters.js';
import { HostQuestions } from './host-questions.js';
import type { HostSession } from './host-session.js';
import { LevelKeeper } from './level-keeper.js';
import { LiveSessions } from './live-sessions.js';
import type { FromShard, ShardInit, ToShard } from './messages.js';
import { type DoorShard, ShardDoor } from './shard-door.js';
import { ShardExchange } from './shard-exchange.js';
import { Signals } from './signals.js';
import { TokenWaiters } from './token-waiters.js';
import { W3cListener } from './w3c-listener.js';

const HEARTBEAT_MS = 50;
/** What is left of the worst lateness at the next beat: a tenth after a second. */
const LAG_FADES = 0.89;
/** What peers get to take note of their sessions' end. */
const LAST_WORDS_MS = 300;
/** Ports that are tried where any will do. */
const MOST_PORTS = 20;
/** ms between two lines of the log about functions that fail. */
const LOG_EVERY_MS = 1000;
/** The session's answer to a function that threw. */
const FUNCTION_FAILED = 1;

/** One thread's share of the host: its UDP socket, QUIC and HTTP/3, its WASM core and the functions of its sessions. */
export class Shard implements DoorShard {
  readonly table = new SessionTable();
  readonly readers = new TokenWaiters(this.table, 'in');
  readonly writers = new TokenWaiters(this.table, 'out');
  readonly live: LiveSessions;
  readonly questions: HostQuestions;
  readonly peers: ShardPeers;
  readonly pool = new BufferPool();
  readonly seals: SealShares;
  readonly windows = new WindowClasses();
  readonly signals: Signals;
  readonly #door: ShardDoor;
  readonly #levels: LevelKeeper;
  #functions: FunctionRegistry | null = null;
  readonly #counters: ShardCounters;
  readonly #heartbeat: Int32Array;
  readonly #connections = new Set<H3Connection>();
  #driver: UdpDriver | null = null;
  #exchange: ShardExchange | null = null;
  #tcp: W3cListener | null = null;
  isDraining = false;
  #wellKnown = '{}';
  #timers: NodeJS.Timeout[] = [];
  #drainTimer: NodeJS.Timeout | undefined;
  #finish: () => void = () => {};
  /** Resolves when the shard has ended. */
  readonly done: Promise<void>;
  #closed = 0;
  #functionErrors = 0;
  #endpointErrors = 0;
  #undelivered = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #flushing = false;
  #beatAt = performance.now();
  #lag = 0;
  readonly #cpuAtStart = process.cpuUsage();

  constructor(
    readonly init: ShardInit,
    readonly port: MessagePort,
  ) {
    this.#counters = new ShardCounters(init.counters);
    this.questions = new HostQuestions((message) => this.send(message));
    this.peers = new ShardPeers(
      (handle, functionId, name) => this.send({ type: 'peer', handle, functionId, name }),
      (handle) => this.send({ type: 'peerLeft', handle }),
    );
    this.#levels = new LevelKeeper(init.security, (message) => this.send(message));
    this.live = new LiveSessions(this.table, init.index, this.#levels);
    this.signals = new Signals(init.pressure, () => this.live.all());
    this.#door = new ShardDoor(this);
    this.#heartbeat = new Int32Array(init.heartbeat);
    this.seals = new SealShares(init.keys.seal);
    this.done = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  get functions(): FunctionRegistry {
    if (this.#functions === null) throw new Error('the shard is not started');
    return this.#functions;
  }

  get posturePolicy(): ShardInit['security']['policy'] {
    return this.init.security.policy;
  }

  get challenges(): { workBits: number; seconds: number } {
    const { workBits, challengeSeconds } = this.init.security;
    return { workBits, seconds: challengeSeconds };
  }

  #shareCapacity({ functions }: FunctionTable): void {
    const { capacity } = this.init;
    const now = performance.now();
    for (const direction of ['in', 'out'] as const) {
      this.table.setShardLimits(direction, capacity[direction], now);
      for (const { id, index } of this.functions) {
        const limits = functions[id]?.[direction];
        if (limits !== undefined) this.table.setFunctionLimits(index, direction, limits, now);
      }
    }
  }

  async start(): Promise<void> {
    const { init } = this;
    const mostFunctions = this.table.layout.at.MAX_FUNCTIONS;
    this.#functions = await FunctionRegistry.load(init.functions, this.pool, this.peers, mostFunctions);
    this.#shareCapacity(init.functions);
    this.port.on('message', (message: ToShard) => this.#onMessage(message));
    this.#beat();
    const port = await this.#listen();
    if (init.rings.length > 1 && this.#driver !== null) this.#exchange = new ShardExchange(init, this.#driver);
    this.#timers = [setInterval(() => this.#beat(), HEARTBEAT_MS), setInterval(() => this.#tick(), init.tickMs)];
    this.send({ type: 'ready', port, threadId, core: this.table.share });
  }

  /** Binds UDP and TCP. Where any port will do and one is free for UDP alone, the next is tried. */
  async #listen(): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#listenOnce();
      } catch (error) {
        if (this.init.port !== 0 || tries === MOST_PORTS || !(error as Error).message.includes('EADDRINUSE'))
          throw error;
        await this.#tcp?.close();
        await this.#driver?.close(H3Error.NO_ERROR, '');
      }
    }
  }

  async #listenOnce(): Promise<number> {
    const { init } = this;
    let { port } = init;
    if (init.engine === 'quiche') {
      const socket = await bindUdp({ address: init.host, port, reusePort: init.reusePort });
      port = socket.address().port;
      this.#driver = new UdpDriver(
        socket,
        (hooks) => this.#createEndpoint(hooks, port),
        (error) => {
          this.log('warn', 'UDP socket', { error: error.message });
        },
      );
    }
    if (init.tcp || init.engine === 'fails-components') {
      this.#tcp = new W3cListener(init, port, {
        refusal: (path, origin) => this.#door.refusal(path, origin),
        onSession: (transport, path, peer, kind) =>
          this.#door.ask({ transport, path, origin: undefined, userAgent: undefined, peer, kind }),
        onError: (error) => this.log('warn', 'TCP listener', { error: error.message }),
      });
      port = await this.#tcp.start();
    }
    return port;
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
          streamWindow: (address) => this.windows.windowOf(addressPrefix(address)),
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
        const { origin, 'user-agent': userAgent } = headers;
        this.#door.ask({ transport: session, path, origin, userAgent, peer: quic.peerAddress, kind: 'http3' });
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

  sessionClosed(session: HostSession, { cause }: SessionClose): void {
    const last = this.live.remove(session, performance.now(), cause);
    if (last === null) return;
    this.send({ type: 'updates', updates: [last] });
    this.readers.delete(session.handle);
    this.writers.delete(session.handle);
    this.table.close(session.handle);
    this.#closed++;
    if (this.isDraining && this.live.size === 0) this.#endSoon();
  }

  functionFailed(session: HostSession, error: unknown): void {
    // The core is in a state that nobody can vouch for: the whole shard starts again.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    this.#functionErrors++;
    this.log('error', `function ${session.functionId} failed`, {
      client: session.identity.client,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    session.close(FUNCTION_FAILED, 'function failed');
  }

  endpointFailed(session: HostSession, functionId: string, code: AppErrorName, message: string): void {
    this.#endpointErrors++;
    const now = performance.now();
    // A client can bring about many: one a second is told.
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.log('warn', `function ${functionId}: ${code}`, { client: session.identity.client, error: message });
  }

  undelivered(): void {
    this.#undelivered++;
  }

  review(session: HostSession): void {
    this.#levels.review(session, this.live.suggestedOf(session), performance.now());
  }

  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#driver?.scheduleFlush();
    });
  }

  identify(session: HostSession, hello: Hello, done: Parameters<ShardDoor['identify']>[2]): void {
    this.#door.identify(session, hello, done);
  }

  define(session: HostSession, message: Define): ReturnType<ShardDoor['define']> {
    return this.#door.define(session, message);
  }

  checkJwt(session: HostSession, jwt: string, since: number, done: (isGood: boolean) => void): void {
    const { client, peer, path } = session.identity;
    const introduction = { functionId: session.functionId, peer, path, hints: '' };
    this.questions.ask({ type: 'checkJwt', client, jwt, since, introduction }, (answer) => {
      if (session.transport.state !== 'closed') done(answer.type === 'jwtChecked' && answer.isGood);
    });
  }

  #tick(): void {
    const updates = this.live.tick(performance.now());
    this.readers.review();
    this.writers.review();
    this.signals.shed();
    this.live.countVerdicts(this.#counters);
    if (updates.length > 0) this.send({ type: 'updates', updates });
    const prefixes = this.#door.takeTurnedAway();
    if (prefixes.length > 0) this.send({ type: 'turnedAway', prefixes });
  }

  #beat(): void {
    Atomics.add(this.#heartbeat, this.init.index, 1);
    const quic = this.#driver?.endpoint.counters;
    if (quic !== undefined) {
      for (const [name, value] of Object.entries(quic)) this.#counters.set(name as keyof typeof quic, value);
    }
    this.#counters.set('sessions', this.live.size);
    this.#counters.set('sessionsOpened', this.#door.opened);
    this.#counters.set('sessionsRefused', this.#door.refused);
    this.#counters.set('sessionsClosed', this.#closed);
    this.#counters.set('sessionsDeferred', this.signals.deferred);
    this.#counters.set('sessionsShed', this.signals.dropped);
    this.#counters.set('functionErrors', this.#functionErrors);
    this.#counters.set('endpointErrors', this.#endpointErrors);
    this.#counters.set('undelivered', this.#undelivered);
    this.#counters.set('buffersMade', this.pool.made);
    this.#counters.set('bufferBytes', this.pool.bytesOut);
    this.#counters.set('ringDropped', this.#exchange?.dropped ?? 0);
    this.#counters.set('busyMicroseconds', loop.eventLoopUtilization().active * 1000);
    const now = performance.now();
    // The worst of late, which fades within a second.
    this.#lag = Math.max(now - this.#beatAt - HEARTBEAT_MS, this.#lag * LAG_FADES);
    this.#beatAt = now;
    this.#counters.set('lagMs', this.#lag);
    const cpu = process.cpuUsage(this.#cpuAtStart);
    this.#counters.set('cpuMicroseconds', cpu.user + cpu.system);
  }

  #onMessage(message: ToShard): void {
    switch (message.type) {
      case 'admitted':
      case 'refused':
      case 'jwtChecked':
        this.questions.answer(message);
        return;
      case 'peer':
        this.peers.answer(message.answer);
        return;
      case 'functions':
        void this.#reload(message.request, message.table);
        return;
      case 'mode':
        this.#setMode(message.mode);
        return;
      case 'requestTypes':
        for (const { handle, requestType } of message.sessions) this.live.setRequestType(handle, requestType);
        return;
      case 'risks':
        for (const { handle, risk, reason } of message.sessions) this.live.setRisk(handle, risk, reason);
        return;
      case 'capacity':
        this.signals.capacity(message.outlook);
        return;
      case 'limitsAhead':
        this.signals.limitsAhead(message.headroom, message.inMs, message.reason);
        return;
      case 'pressure':
        this.signals.orders = message.orders;
        return;
      case 'certificate':
        this.#driver?.endpoint.setCertificate(message.pair.certificate, message.pair.privateKey);
        this.#tcp?.setCertificate(message.pair);
        return;
      case 'wellKnown':
        this.#wellKnown = message.body;
        return;
      case 'report':
        this.send({ type: 'report', request: message.request, ...this.live.report(performance.now(), message) });
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

  /** Takes over other functions. Sessions stay. */
  async #reload(request: number, table: FunctionTable): Promise<void> {
    let error: string | null = null;
    try {
      await this.functions.reload(table);
      this.init.functions = table;
      this.#shareCapacity(table);
    } catch (cause) {
      error = (cause as Error).message;
    }
    this.send({ type: 'functionsLoaded', request, error });
  }

  /** Limits hold from now on, or are only reckoned; functions with a mode of their own keep it. */
  #setMode(mode: ShardInit['mode']): void {
    this.init.mode = mode;
    for (const session of this.live.all()) {
      if (this.functions.get(session.functionId)?.mode !== undefined) continue;
      session.isEnforced = mode === 'enforce';
      this.table.core.setObserve(session.handle, session.isEnforced ? 0 : 1);
    }
  }

  /** New connections go elsewhere; those that are here stay until they end. */
  #retire(): void {
    if (this.#driver !== null) this.#driver.endpoint.acceptsNew = false;
    this.isDraining = this.live.size > 0 || this.isDraining;
    if (this.live.size === 0) this.#endSoon();
  }

  #drain(deadlineMs: number): void {
    this.isDraining = true;
    if (this.#driver !== null) this.#driver.endpoint.acceptsNew = false;
    for (const connection of this.#connections) connection.drain();
    for (const { control } of this.live.all()) control?.send({ type: 'drain', deadlineMs });
    this.#driver?.scheduleFlush();
    if (this.live.size === 0) this.#endSoon();
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
    for (const session of this.live.all()) session.close(0, 'host closes');
    this.readers.close();
    this.writers.close();
    this.#exchange?.close();
    await this.#tcp?.close();
    await this.#functions?.close();
    if (this.#driver !== null) {
      this.#driver.endpoint.flush(performance.now());
      await this.#untilQuiet();
      await this.#driver.close(H3Error.NO_ERROR, 'host closes');
    }
    this.send({ type: 'drained' });
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

  log(level: 'info' | 'warn' | 'error', message: string, detail?: Record<string, unknown>): void {
    this.send({ type: 'log', level, message, ...(detail === undefined ? {} : { detail }) });
  }

  send(message: FromShard): void {
    this.port.postMessage(message);
  }
}

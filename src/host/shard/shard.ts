import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { WindowClasses } from '../../adapt/window-classes.js';
import type { AppErrorName } from '../../control/codes.js';
import type { Define, Hello } from '../../control/messages.js';
import { SessionTable } from '../../core/session-table.js';
import type { SessionClose } from '../../http3/session.js';
import { SealShares } from '../control/seal-shares.js';
import { Wills } from '../functions/endpoints/will.js';
import { WillExecutor } from '../functions/endpoints/will-executor.js';
import { FunctionRegistry, type FunctionTable } from '../functions/function-registry.js';
import { CallsUnderWay } from '../functions/invocation.js';
import { ShardPeers } from '../functions/peers/shard-peers.js';
import { BufferPool } from '../functions/receive/buffer-pool.js';
import type { JwtVerdict } from '../identity/identifier.js';
import { HostQuestions } from './host-questions.js';
import type { HostSession } from './host-session.js';
import { LevelKeeper } from './level-keeper.js';
import { LiveSessions } from './live-sessions.js';
import { type FromShard, LAST_CALLS_MS, type ShardInit, type ToShard } from './messages.js';
import { type DoorShard, ShardDoor } from './shard-door.js';
import { HEARTBEAT_MS, ShardPulse } from './shard-pulse.js';
import { ShardSockets } from './shard-sockets.js';
import { Signals } from './signals.js';
import { TokenWaiters } from './token-waiters.js';

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
  readonly calls = new CallsUnderWay();
  readonly wills = new Wills(
    (key, will) => this.send({ type: 'will', key, will }),
    (key) => this.send({ type: 'willDone', key }),
  );
  readonly #executor = new WillExecutor({
    calls: this.calls,
    remoteOf: (url) => this.functions.remoteOf(url),
    statsOf: (functionId) => this.functions.statsOf(functionId),
    done: (key) => this.wills.done(key),
    failed: ({ client, functionId }, code, message) => this.endpointFailed(client, functionId, code, message),
  });
  readonly signals: Signals;
  readonly #door: ShardDoor;
  readonly #levels: LevelKeeper;
  readonly #sockets: ShardSockets;
  readonly #pulse: ShardPulse;
  #functions: FunctionRegistry | null = null;
  isDraining = false;
  #isEnding = false;
  #timers: NodeJS.Timeout[] = [];
  #slice: NodeJS.Immediate | undefined;
  #drainTimer: NodeJS.Timeout | undefined;
  #finish: () => void = () => {};
  /** Resolves when the shard has ended. */
  readonly done: Promise<void>;
  #closed = 0;
  #functionErrors = 0;
  #endpointErrors = 0;
  #undelivered = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly init: ShardInit,
    readonly port: MessagePort,
  ) {
    this.questions = new HostQuestions((message) => this.send(message));
    this.peers = new ShardPeers(
      (handle, functionId, name) => this.send({ type: 'peer', handle, functionId, name }),
      (handle) => this.send({ type: 'peerLeft', handle }),
    );
    this.#levels = new LevelKeeper(init.security, (message) => this.send(message));
    this.live = new LiveSessions(this.table, init.index, this.#levels);
    this.signals = new Signals(init.pressure, () => this.live.all());
    this.#door = new ShardDoor(this);
    this.#pulse = new ShardPulse(init, init.index);
    this.#sockets = new ShardSockets(init, this.windows, {
      refusal: (path, origin) => this.#door.refusal(path, origin),
      ask: (ask) => this.#door.ask(ask),
      warn: (what, { message }) => this.log('warn', what, { error: message }),
    });
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
    const port = await this.#sockets.open();
    this.#timers = [setInterval(() => this.#beat(), HEARTBEAT_MS), setInterval(() => this.#tick(), init.tickMs)];
    this.send({ type: 'ready', port, core: this.table.share });
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

  endpointFailed(client: string, functionId: string, code: AppErrorName, message: string): void {
    this.#endpointErrors++;
    const now = performance.now();
    // A client can bring about many: one a second is told.
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.log('warn', `function ${functionId}: ${code}`, { client, error: message });
  }

  undelivered(): void {
    this.#undelivered++;
  }

  review(session: HostSession): void {
    this.#levels.review(session, this.live.suggestedOf(session), performance.now());
  }

  identify(session: HostSession, hello: Hello, done: Parameters<ShardDoor['identify']>[2]): void {
    this.#door.identify(session, hello, done);
  }

  define(session: HostSession, message: Define): ReturnType<ShardDoor['define']> {
    return this.#door.define(session, message);
  }

  checkJwt(session: HostSession, jwt: string, since: number, done: (verdict: JwtVerdict) => void): void {
    const { client, peer, path } = session.identity;
    const introduction = { functionId: session.functionId, peer, path, hints: '' };
    this.questions.ask({ type: 'checkJwt', client, jwt, since, introduction }, (answer) => {
      if (session.transport.state !== 'closed') done(answer.type === 'jwtChecked' ? answer.verdict : 'unavailable');
    });
  }

  /** What is done for all sessions, in slices with room for packets between them. A tick that finds one at work is left out. */
  #tick(): void {
    if (this.live.isTicking) return;
    this.live.beginTick();
    this.#tickSlice();
  }

  readonly #tickSlice = (): void => {
    const updates = this.live.tickSlice(performance.now());
    if (updates.length > 0) this.send({ type: 'updates', updates });
    if (this.live.isTicking) this.#slice = setImmediate(this.#tickSlice);
    else this.#endTick();
  };

  #endTick(): void {
    this.readers.review();
    this.writers.review();
    this.signals.shed();
    this.live.countVerdicts(this.#pulse.counters);
    this.#sockets.reviewUnread();
    this.#tellCalls();
    const prefixes = this.#door.takeTurnedAway();
    if (prefixes.length > 0) this.send({ type: 'turnedAway', prefixes });
  }

  #tellCalls(): void {
    const calls = this.functions.takeCalls();
    if (calls.length > 0) this.send({ type: 'calls', calls });
  }

  #beat(): void {
    this.#pulse.beat({
      ...this.#sockets.counters,
      sessions: this.live.size,
      sessionsOpened: this.#door.opened,
      sessionsRefused: this.#door.refused,
      sessionsClosed: this.#closed,
      sessionsDeferred: this.signals.deferred,
      sessionsShed: this.signals.dropped,
      functionErrors: this.#functionErrors,
      endpointErrors: this.#endpointErrors,
      undelivered: this.#undelivered,
      buffersMade: this.pool.made,
      bufferBytes: this.pool.bytesOut,
      ringDropped: this.#sockets.ringDropped,
      requestFloods: this.#sockets.requestFloods,
    });
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
      case 'wills':
        this.#executor.carryOut(message.wills);
        return;
      case 'functions':
        void this.#reload(message.request, message.table);
        return;
      case 'mode':
        this.#setMode(message.mode);
        return;
      case 'variants':
        for (const { handle, variant } of message.sessions) this.live.setVariant(handle, variant);
        return;
      case 'risks':
        for (const { handle, risk, reason } of message.sessions) this.live.setRisk(handle, risk, reason);
        return;
      case 'noRisks':
        this.live.forgetRisks();
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
      case 'boundUnread':
        this.#sockets.boundUnread(message.bytes);
        return;
      case 'receiveBuffer':
        this.#sockets.setReceiveBuffer(message.bytes);
        return;
      case 'certificate':
        this.#sockets.setCertificate(message.pair);
        return;
      case 'wellKnown':
        this.#sockets.wellKnown = message.body;
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

  /** New connections go elsewhere; those that are here are asked to follow, or stay until they end. */
  #retire(): void {
    this.#sockets.retire();
    this.signals.move();
    this.isDraining = this.live.size > 0 || this.isDraining;
    if (this.live.size === 0) this.#endSoon();
  }

  #drain(deadlineMs: number): void {
    this.isDraining = true;
    const { drainTo } = this.init;
    const to = drainTo === null ? {} : { to: new URL(drainTo).origin };
    for (const { control } of this.live.all()) control?.send({ type: 'drain', deadlineMs, ...to });
    this.#sockets.drain();
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
    if (this.#isEnding) return;
    this.#isEnding = true;
    for (const session of this.live.all()) session.close(0, 'host closes');
    // Endpoints hear of the ends: `#beat` tells meanwhile that the shard is well.
    const last = new Promise<void>((resolve) => this.calls.afterLast(resolve));
    await Promise.race([last, sleep(LAST_CALLS_MS, undefined, { ref: false })]);
    if (this.calls.count > 0) this.log('warn', 'calls of endpoints were not done', { calls: this.calls.count });
    this.#tellCalls();
    for (const timer of this.#timers) clearInterval(timer);
    clearImmediate(this.#slice);
    this.readers.close();
    this.writers.close();
    await this.#functions?.close();
    await this.#sockets.close();
    this.send({ type: 'drained' });
    this.port.close();
    this.#finish();
  }

  log(level: 'info' | 'warn' | 'error', message: string, detail?: Record<string, unknown>): void {
    this.send({ type: 'log', level, message, ...(detail === undefined ? {} : { detail }) });
  }

  send(message: FromShard): void {
    this.port.postMessage(message);
  }
}

import { randomBytes } from 'node:crypto';
import { limitsOf } from '../../adapt/settings.js';
import type { WindowClasses } from '../../adapt/window-classes.js';
import { AppError, type AppErrorName } from '../../control/codes.js';
import type { Define, Hello } from '../../control/messages.js';
import type { SessionTable } from '../../core/session-table.js';
import { addressPrefix } from '../../quic/address-prefix.js';
import { speaksControl } from '../control/control-stream.js';
import type { ControlShard } from '../control/session-control.js';
import type { FunctionRegistry } from '../functions/function-registry.js';
import { sessionId } from '../session-name.js';
import type { TransportSession } from '../transport.js';
import { hintsOf } from './client-hints.js';
import type { HostQuestions } from './host-questions.js';
import { HostSession, type SessionIdentity, type SessionShard } from './host-session.js';
import type { LiveSessions } from './live-sessions.js';
import type { Admission, FromShard, Introduction, ShardInit } from './messages.js';
import { retryReason, type Signals } from './signals.js';

/** What a session asks before it is set up. */
export interface SessionAsk {
  transport: TransportSession;
  path: string;
  origin: string | undefined;
  userAgent: string | undefined;
  peer: string;
  kind: 'http3' | 'tcp';
}

/** What the door needs of its shard. */
export interface DoorShard extends SessionShard {
  readonly init: ShardInit;
  readonly table: SessionTable;
  readonly live: LiveSessions;
  readonly functions: FunctionRegistry;
  readonly questions: HostQuestions;
  readonly isDraining: boolean;
  readonly windows: WindowClasses;
  readonly signals: Signals;
  send(message: FromShard): void;
  log(level: 'info' | 'warn' | 'error', message: string, detail?: Record<string, unknown>): void;
}

/** Statuses for what was wrong with what a client showed. */
const UNAVAILABLE: ReadonlySet<AppErrorName> = new Set(['jwks-unavailable', 'hook-failed']);
/** Prefixes of a tick that are told of. */
const MOST_PREFIXES = 1000;

/** Where sessions come in: checked, made known to the host, set up, and handed to their functions. */
export class ShardDoor {
  opened = 0;
  refused = 0;
  readonly #run = randomBytes(6).toString('hex');
  /** Who asked for what is not there, since the last tick: by address prefix. */
  #turnedAway = new Map<string, number>();

  constructor(readonly shard: DoorShard) {}

  /** The status that a session is refused with, or null where it may come in. */
  refusal(path: string, origin: string | undefined): number | null {
    const { allowedOrigins } = this.shard.init;
    const { isDraining, signals } = this.shard;
    // One that speaks control is let in to be told when to come again.
    if (isDraining || (signals.orders.refuses && !speaksControl(path))) return 503;
    if (allowedOrigins !== null && origin !== undefined && !allowedOrigins.includes(origin)) return 403;
    return this.#has(functionOf(path)) ? null : 404;
  }

  #has(id: string): boolean {
    const { functions, init } = this.shard;
    // A session without a function defines one.
    return functions.get(id) !== undefined || (id === '' && init.functions.clientFunctions.most > 0);
  }

  /** A session wants in: checked, its client and settings asked for, then set up and accepted. */
  ask(ask: SessionAsk): void {
    const refuse = (status: number): void => {
      this.refused++;
      ask.transport.reject(status);
    };
    if (this.#defers(ask)) return;
    const refusal = this.refusal(ask.path, ask.origin);
    if (refusal !== null) {
      if (refusal !== 503) this.#noteTurnedAway(addressPrefix(ask.peer));
      refuse(refusal);
      return;
    }
    const functionId = functionOf(ask.path);
    const { peer, path, origin } = ask;
    const introduction: Introduction = { functionId, peer, path, origin, hints: hintsOf(ask.userAgent) };
    this.shard.questions.ask({ type: 'open', introduction }, (answer) => {
      if (ask.transport.state !== 'pending') return;
      if (answer.type !== 'admitted') {
        refuse(answer.type === 'refused' && UNAVAILABLE.has(answer.problem) ? 503 : 401);
        return;
      }
      try {
        this.#open(ask, functionId, answer.admission);
      } catch (error) {
        this.shard.log('warn', 'session refused', { error: (error as Error).message });
        refuse(503);
      }
    });
  }

  /** Under pressure a session is to come again. Browsers show no status of a refusal: they are let in, told, and let go. */
  #defers({ transport, path }: SessionAsk): boolean {
    const { signals, isDraining } = this.shard;
    const afterMs = signals.retryAfterMs;
    if (afterMs === 0 || isDraining) return false;
    signals.deferred++;
    if (speaksControl(path)) {
      transport.accept();
      transport.close(AppError['retry-later'], retryReason(afterMs));
    } else {
      transport.reject(503, [['retry-after', String(Math.ceil(afterMs / 1000))]]);
    }
    return true;
  }

  #noteTurnedAway(prefix: string): void {
    const times = this.#turnedAway.get(prefix) ?? 0;
    if (times > 0 || this.#turnedAway.size < MOST_PREFIXES) this.#turnedAway.set(prefix, times + 1);
  }

  /** Who was turned away since this was asked last, and how often. */
  takeTurnedAway(): [prefix: string, times: number][] {
    if (this.#turnedAway.size === 0) return [];
    const taken = [...this.#turnedAway];
    this.#turnedAway = new Map();
    return taken;
  }

  #open(ask: SessionAsk, functionId: string, admission: Admission): void {
    const { shard } = this;
    const { transport, kind, peer, path } = ask;
    const registered = shard.functions.get(functionId);
    // It may have gone with a reload.
    if (registered === undefined && functionId !== '') throw new Error(`the function ${functionId} is gone`);
    const { client, by, settings, profile, variant, tenantWeight, problem } = admission;
    const now = performance.now();
    const isEnforced = (registered?.mode ?? shard.init.mode) === 'enforce';
    const handle = shard.table.open(now, {
      ...limitsOf(settings),
      functionIndex: registered?.index ?? 0,
      observe: !isEnforced,
    });
    const identity: SessionIdentity = { client, by, transport: kind, peer, path };
    const weight = (registered?.weight ?? 1) * tenantWeight;
    const sealPolicy = registered?.mapping?.seal ?? null;
    const setup = { identity, functionId, settings, profile, variant, weight, isEnforced, problem, sealPolicy };
    const session = new HostSession(
      shard,
      transport,
      handle,
      sessionId(shard.init.index, handle, this.#run),
      setup,
      now,
    );
    shard.live.add(session, now);
    shard.windows.note(addressPrefix(peer), settings.bufferSize);
    this.opened++;
    shard.review(session);
    session.start(registered?.hostFunction ?? null);
  }

  /** The client of a session says who it is. */
  identify(
    session: HostSession,
    { token, jwt }: Hello,
    done: (problem: AppErrorName | null, token: string | null) => void,
  ): void {
    const { shard } = this;
    const { peer, path } = session.identity;
    const introduction = { functionId: session.functionId, peer, path, hints: '', token, jwt };
    shard.questions.ask({ type: 'hello', introduction }, (answer) => {
      if (session.transport.state === 'closed') return;
      if (answer.type === 'refused') {
        shard.table.core.note(session.handle, shard.table.events.authFailures, 1);
        done(answer.problem, null);
        return;
      }
      if (answer.type !== 'admitted') return;
      this.#rename(session, answer.admission);
      done(answer.admission.problem, answer.admission.token);
    });
  }

  #rename(session: HostSession, { client, by, settings, profile, variant, tenantWeight }: Admission): void {
    const { shard } = this;
    if (client === session.identity.client) return;
    const now = performance.now();
    const last = shard.live.move(session, { client, by }, now);
    if (last !== null) shard.send({ type: 'updates', updates: [last] });
    session.profile = profile;
    session.variant = variant;
    session.weight = (shard.functions.get(session.functionId)?.weight ?? 1) * tenantWeight;
    session.settings = { ...settings, securityLevel: session.posture.level };
    shard.windows.note(addressPrefix(session.identity.peer), settings.bufferSize);
    const limits = limitsOf(settings);
    shard.table.setLimits(session.handle, 'in', limits.in, now);
    shard.table.setLimits(session.handle, 'out', limits.out, now);
    shard.live.suggest(session, settings.securityLevel);
  }

  define(session: HostSession, message: Define): ReturnType<ControlShard['define']> {
    const made = this.shard.functions.define(message, session.defined);
    if ('problem' in made) return made;
    const { hostFunction, seal } = made;
    const use = (): void => {
      session.defined++;
      session.switchTo(message.id, hostFunction, seal);
    };
    return { seal, use };
  }
}

/** The function that a path names: its first segment. */
function functionOf(path: string): string {
  return path.split('?')[0].split('/')[1] ?? '';
}

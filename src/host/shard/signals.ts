import { AppError } from '../../control/codes.js';
import type { HostMessage } from '../../control/messages.js';
import type { CapacityOutlook } from '../../scale/replicas/capacity-outlook.js';
import type { HostSession } from './host-session.js';
import type { PressureOrders } from './messages.js';

/** ms over which a signal to all sessions is spread, so that clients don't act in step. */
const JITTER_MS = 3000;
/** ms over which the sessions of a shard that is not needed are asked to move, and more where there are many. */
const MOVE_MS = 5000;
const MOVE_MS_EACH = 10;
/** Clients that are to come again are spread over so much around the time that they are told. */
const RETRY_SPREAD = 0.5;
/** Share of the sessions that one round drops. */
const DROPPED_SHARE = 0.01;

const two = (value: number): number => Number(value.toFixed(2));

/** What a shard tells its clients of the load ahead, and what it asks of them under pressure. */
export class Signals {
  /** Sessions that were turned away with a time to come again, and open ones that were dropped. */
  deferred = 0;
  dropped = 0;

  constructor(
    /** What pressure asks for now. */
    public orders: PressureOrders,
    readonly sessions: () => readonly HostSession[],
    readonly random: () => number = Math.random,
  ) {}

  /** ms after which a client is to come again; 0 where it may come in. */
  get retryAfterMs(): number {
    const { refuses, retrySeconds } = this.orders;
    return refuses ? Math.round(retrySeconds * 1000 * (1 - RETRY_SPREAD + 2 * RETRY_SPREAD * this.random())) : 0;
  }

  /** How full the host will be. */
  capacity({ in1m, in5m, pace }: CapacityOutlook): void {
    const message = { type: 'capacity', version: 1, in1m: two(in1m), in5m: two(in5m), pace: two(pace) } as const;
    this.#tell(() => message, JITTER_MS);
  }

  /** Limits and buffers will be `headroom` of what they are in `inMs`, as far as what is foretold of a session allows. */
  limitsAhead(headroom: number, inMs: number, reason: string): void {
    const at = performance.now() + inMs;
    this.#tell(
      ({ settings: { rateLimit, burst, bufferSize } }) => ({
        type: 'limits',
        version: 1,
        rateLimit: Math.round(rateLimit * headroom),
        burst: Math.round(burst * headroom),
        bufferSize: Math.round(bufferSize * headroom),
        inMs: Math.max(0, Math.round(at - performance.now())),
        reason,
      }),
      JITTER_MS,
    );
  }

  /** Sessions are asked to be opened anew, a few at a time: another shard will have them. Who speaks no control stays. */
  move(): void {
    this.#tell(() => ({ type: 'drain' }), Math.max(MOVE_MS, MOVE_MS_EACH * this.sessions().length));
  }

  #tell(messageFor: (session: HostSession) => HostMessage, spreadMs: number): void {
    for (const session of this.sessions()) {
      if (session.control === null) continue;
      setTimeout(() => {
        if (!session.isClosed) session.control?.send(messageFor(session));
      }, this.random() * spreadMs).unref();
    }
  }

  /** Where pressure asks for it, drops the least important: little weight, then much risk, then those that came last. */
  shed(): void {
    if (!this.orders.drops) return;
    const sessions = [...this.sessions()].sort(
      (a, b) => a.weight - b.weight || b.risk.value - a.risk.value || b.openedAt - a.openedAt,
    );
    for (const session of sessions.slice(0, Math.ceil(sessions.length * DROPPED_SHARE))) {
      const afterMs = this.retryAfterMs;
      session.control?.send({ type: 'retry', version: 1, afterMs, reason: 'the host is over what it can carry' });
      session.close(AppError['retry-later'], retryReason(afterMs));
      this.dropped++;
    }
  }
}

/** The reason that a session is closed with whose client is to come again. */
export function retryReason(afterMs: number): string {
  return `retry after ${afterMs} ms`;
}

import type { SecurityLevel } from '../../adapt/settings.js';
import { AppError } from '../../control/codes.js';
import type { SessionCounts } from '../../core/session-table.js';
import type { HostSession } from './host-session.js';
import type { FromShard, ShardSecurity } from './messages.js';

/** A tick in which more packets than this are held back, and more than this share, counts as a limit broken. */
const HELD_PACKETS = 20;
const HELD_SHARE = 0.5;

/** What a session had done wrong by the last tick. */
interface Seen {
  held: number;
  packets: number;
  malformed: number;
  authFailures: number;
  refusedOpens: number;
}

/** Keeps the security levels of a shard's sessions: gathers evidence each tick, asks for proofs, and does what a level says. */
export class LevelKeeper {
  readonly #seen = new Map<number, Seen>();

  constructor(
    readonly security: ShardSecurity,
    readonly send: (message: Extract<FromShard, { type: 'level' }>) => void,
  ) {}

  closed(session: HostSession): void {
    this.#seen.delete(session.handle);
  }

  /** A session's tick: `risk` is the level that its predicted risk suggests. */
  tick(session: HostSession, counts: SessionCounts, suggested: SecurityLevel, now: number): void {
    this.#gather(session, counts, now / 1000);
    const late = session.control?.takeLate(now) ?? null;
    if (session.isClosed) return;
    if (late !== null) {
      session.posture.note('challenge-failed', now / 1000);
      session.control?.error(late, 'it was not answered in time');
    }
    this.review(session, suggested, now);
    // A level may end it.
    if (session.isClosed) return;
    if (session.settings.securityLevel === 3) this.#hold(session, now);
    session.control?.tell(session.posture.reason || 'the forecast changed');
  }

  #gather({ handle, posture, isEnforced }: HostSession, counts: SessionCounts, seconds: number): void {
    const held = counts.dropped + counts.waited;
    const packets = counts.packetsIn + held;
    const { malformed, authFailures, refusedOpens } = counts;
    const before = this.#seen.get(handle);
    this.#seen.set(handle, { held, packets, malformed, authFailures, refusedOpens });
    if (before === undefined) return;
    const broken = held - before.held;
    // Streams that wait are held by flow control: it is datagrams sent regardless that break a limit.
    if (isEnforced && counts.dropped > 0 && broken > HELD_PACKETS && broken > (packets - before.packets) * HELD_SHARE) {
      posture.note('limit-broken', seconds);
    }
    if (malformed > before.malformed) posture.note('malformed', seconds, malformed - before.malformed);
    if (authFailures > before.authFailures) posture.note('auth-failed', seconds, authFailures - before.authFailures);
    const refused = refusedOpens - before.refusedOpens;
    if (refused > 0) posture.note('function-refused', seconds, Math.min(refused, 4) / 4);
  }

  /** The level as of now, and what it asks for. */
  review(session: HostSession, suggested: SecurityLevel, now: number): void {
    const { posture, control } = session;
    const { caution, stepUp } = posture.policy;
    const suggestedRisk = suggested >= 2 ? stepUp : suggested === 1 ? caution : 0;
    const { value, reason } = session.risk;
    const [risk, why] = value >= suggestedRisk ? [value, reason] : [suggestedRisk, ''];
    const from = posture.level;
    const changed = posture.update(risk, control?.canAnswer ?? false, now / 1000, why);
    const level = posture.level;
    if (session.settings.securityLevel !== level) session.settings = { ...session.settings, securityLevel: level };
    if (changed) {
      const { functionId, identity, isEnforced } = session;
      this.send({
        type: 'level',
        client: identity.client,
        functionId,
        from,
        to: level,
        reason: posture.reason,
        isEnforced,
      });
      if (isEnforced) this.#apply(session, from, level, suggested, now);
    }
    if (!session.isEnforced || session.isClosed) return;
    if (level === 2) control?.challenge(posture.reason);
    if (session.sealPolicy !== null && level >= session.sealPolicy.from) control?.demandSeal(posture.reason);
  }

  #apply(session: HostSession, from: SecurityLevel, to: SecurityLevel, suggested: SecurityLevel, now: number): void {
    if (to === 3 && this.security.quarantine === 'close') {
      session.close(AppError.quarantined, 'quarantined');
      return;
    }
    const { table, handle, settings } = session;
    const limits = table.limits(handle, 'in');
    if (to === 3) this.#hold(session, now);
    else if (from === 3 || to === 0) {
      table.setLimits(handle, 'in', { ...limits, rate: settings.rateLimit, burst: settings.burst }, now);
    } else if (from === 0 && suggested === 0) {
      // Evidence alone: what is predicted brings its own limits.
      table.setLimits(handle, 'in', { ...limits, rate: limits.rate / 2 }, now);
    }
  }

  /** A quarantined session trickles; what another thread published since is set aside. */
  #hold({ table, handle, isEnforced }: HostSession, now: number): void {
    const limits = table.limits(handle, 'in');
    if (!isEnforced || limits.rate <= this.security.trickle) return;
    table.setLimits(handle, 'in', { ...limits, rate: this.security.trickle, burst: this.security.trickle }, now);
  }
}

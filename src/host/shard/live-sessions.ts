import type { SecurityLevel } from '../../adapt/settings.js';
import { FeatureMatrixWriter } from '../../core/feature-matrix.js';
import { VERDICTS } from '../../core/layout.js';
import type { SessionCounts, SessionTable } from '../../core/session-table.js';
import type { SessionClose } from '../../http3/session.js';
import { errorBit } from '../../profile/behavioral-profile.js';
import type { CounterName, ShardCounters } from './counters.js';
import type { HostSession, SessionIdentity } from './host-session.js';
import type { LevelKeeper } from './level-keeper.js';
import type { FromShard, SessionReport, SessionUpdate } from './messages.js';

type Report = Omit<Extract<FromShard, { type: 'report' }>, 'type' | 'request'>;

/** Reasons for which a packet of an open session is held back. */
const REASONS = VERDICTS.slice(1, -1);

/** ms for which the level that was suggested at the opening counts. */
const OPENING_MS = 30_000;

/** Sessions that have their turn at once in a tick: some 0.3 ms, then packets have theirs. */
const SLICE = 64;

interface Live {
  session: HostSession;
  bytesIn: number;
  bytesOut: number;
  /** When the last update was taken. */
  updatedAt: number;
  reported: boolean;
  /** Counts of what goes wrong, as of the last update. */
  resets: number;
  held: number;
  malformed: number;
  /** Sequence count of the limits that another thread published last, and the level that they came with. */
  published: number;
  suggested: SecurityLevel;
  /** Until when, ms, what was suggested at the opening counts though nobody has said anything since. */
  openingUntil: number;
}

/** The sessions of a shard, and what is done for all of them each tick: updates, new limits, features, counts. */
export class LiveSessions {
  /** By handle. */
  readonly #live = new Map<number, Live>();
  readonly #matrix: FeatureMatrixWriter;
  /** Handles in the order of the feature matrix's rows. */
  #handles = new Int32Array(64);
  /** The sessions of the tick that is at work, and how many of them had their turn. */
  #turns: Live[] = [];
  #turned = 0;

  constructor(
    readonly table: SessionTable,
    readonly shard: number,
    readonly levels: LevelKeeper,
  ) {
    this.#matrix = new FeatureMatrixWriter(table);
  }

  get size(): number {
    return this.#live.size;
  }

  add(session: HostSession, now: number): void {
    const published = this.table.core.refresh(session.handle, now);
    this.#live.set(session.handle, {
      session,
      bytesIn: 0,
      bytesOut: 0,
      updatedAt: now,
      reported: false,
      resets: 0,
      held: 0,
      malformed: 0,
      published,
      suggested: session.settings.securityLevel,
      openingUntil: now + OPENING_MS,
    });
  }

  /** Returns the session's last update, or null where it is not here. */
  remove(session: HostSession, now: number, cause: SessionClose['cause']): SessionUpdate | null {
    const live = this.#live.get(session.handle);
    if (live?.session !== session) return null;
    const update = this.#update(live, now);
    this.#live.delete(session.handle);
    this.levels.closed(session);
    const ending = cause === undefined ? 0 : errorBit(cause);
    return { ...update, closed: true, errors: update.errors | ending };
  }

  all(): HostSession[] {
    return Array.from(this.#live.values(), ({ session }) => session);
  }

  get isTicking(): boolean {
    return this.#turned < this.#turns.length;
  }

  /** Begins a tick of the sessions that are open now. */
  beginTick(): void {
    this.#turns = [...this.#live.values()];
    this.#turned = 0;
  }

  /**
   * The tick's next sessions: takes over published limits and returns what they did since the last tick. With the last of them
   * the features begin to be written.
   */
  tickSlice(now: number): SessionUpdate[] {
    const updates: SessionUpdate[] = [];
    const end = Math.min(this.#turned + SLICE, this.#turns.length);
    for (; this.#turned < end; this.#turned++) {
      const live = this.#turns[this.#turned];
      const { session } = live;
      // It may have ended since the tick began; and a level may end it.
      if (this.#live.get(session.handle) !== live) continue;
      this.#takeOver(live, now);
      this.levels.tick(session, this.table.counts(session.handle), live.suggested, now);
      if (this.#live.get(session.handle) !== live) continue;
      this.table.core.setWireRatio(session.handle, session.transport.wireRatio);
      updates.push(this.#update(live, now));
    }
    if (!this.isTicking) {
      this.#turns = [];
      this.#turned = 0;
      this.#extract(now);
    }
    return updates;
  }

  #update(live: Live, now: number): SessionUpdate {
    const { session } = live;
    const counts = this.table.counts(session.handle);
    const held = counts.dropped + counts.waited - live.held;
    const update = {
      handle: session.handle,
      client: session.identity.client,
      bytesIn: counts.bytesIn - live.bytesIn,
      bytesOut: counts.bytesOut - live.bytesOut,
      seconds: (now - live.updatedAt) / 1000,
      opened: !live.reported,
      closed: false,
      functionId: session.functionId,
      errors: this.#errors(live, counts, now),
      rateLimit: session.settings.rateLimit,
      bufferSize: session.settings.bufferSize,
      level: session.settings.securityLevel,
      held,
      isEnforced: session.isEnforced,
    };
    live.bytesIn = counts.bytesIn;
    live.bytesOut = counts.bytesOut;
    live.updatedAt = now;
    live.reported = true;
    return update;
  }

  /** Bits of what went wrong since the last update. */
  #errors(live: Live, counts: SessionCounts, now: number): number {
    const held = counts.dropped + counts.waited;
    const malformed = counts.malformed + counts.oversized + counts.authFailures;
    const errors =
      (counts.resets > live.resets ? errorBit('reset') : 0) |
      (held > live.held ? errorBit('limit') : 0) |
      (malformed > live.malformed ? errorBit('malformed') : 0) |
      (live.session.takeSlow(now) ? errorBit('slow') : 0);
    live.resets = counts.resets;
    live.held = held;
    live.malformed = malformed;
    return errors;
  }

  /** Limits that another thread wrote since the last tick. */
  #takeOver(live: Live, now: number): void {
    const { session } = live;
    const published = this.table.core.refresh(session.handle, now);
    if (now >= live.openingUntil) {
      live.openingUntil = Number.POSITIVE_INFINITY;
      live.suggested = 0;
    }
    if (published === live.published) return;
    live.openingUntil = Number.POSITIVE_INFINITY;
    live.published = published;
    const { rate, ...rest } = this.table.limits(session.handle, 'in');
    const { level, bufferSize } = this.table.posture(session.handle);
    const out = session.settings.out === null ? null : this.table.limits(session.handle, 'out');
    const { securityLevel } = session.settings;
    session.settings = { ...rest, rateLimit: rate, out, bufferSize, securityLevel };
    live.suggested = level as SecurityLevel;
  }

  /** How unusual a session is, and in what. */
  setRisk(handle: number, risk: number, reason: string): void {
    const session = this.#live.get(handle)?.session;
    if (session !== undefined) session.risk = { value: risk, reason };
  }

  /** What was said of risks holds no longer, and nobody else would say so. */
  forgetRisks(): void {
    for (const live of this.#live.values()) {
      live.suggested = 0;
      live.session.risk = { value: 0, reason: '' };
    }
  }

  setVariant(handle: number, variant: string | null): void {
    const session = this.#live.get(handle)?.session;
    if (session !== undefined) session.variant = variant;
  }

  /** The level that a session's predicted risk suggests. */
  suggestedOf(session: HostSession): SecurityLevel {
    return this.#live.get(session.handle)?.suggested ?? 0;
  }

  /** A session goes on under another client's name. Returns the last update under the first, where it had one. */
  move(session: HostSession, known: Pick<SessionIdentity, 'client' | 'by'>, now: number): SessionUpdate | null {
    const live = this.#live.get(session.handle);
    const last =
      live?.session === session && live.reported ? { ...this.#update(live, now), closed: true, moved: true } : null;
    session.identity = { ...session.identity, ...known };
    if (live !== undefined) live.reported = false;
    return last;
  }

  /** New settings of a session, from its client's profile. */
  suggest(session: HostSession, level: SecurityLevel): void {
    const live = this.#live.get(session.handle);
    if (live !== undefined) live.suggested = level;
  }

  /** Writes the feature matrix in slices, with room for packets between them. A tick that finds one at work is left out. */
  #extract(now: number): void {
    if (this.#matrix.isWriting) return;
    const rows = this.#live.size;
    if (this.#handles.length < rows) this.#handles = new Int32Array(rows * 2);
    let row = 0;
    for (const handle of this.#live.keys()) this.#handles[row++] = handle;
    this.#matrix.begin(this.#handles, rows, now);
    const slice = (): void => {
      if (!this.#matrix.isWriting) return;
      this.#matrix.slice();
      setImmediate(slice);
    };
    slice();
  }

  /** The core's verdicts, of all sessions that there were. */
  countVerdicts(counters: ShardCounters): void {
    const { dropped, waited, clamped } = this.table.gateCounts();
    for (const name of REASONS) {
      const suffix = `${name[0].toUpperCase()}${name.slice(1)}`;
      counters.set(`dropped${suffix}` as CounterName, dropped[name]);
      counters.set(`waited${suffix}` as CounterName, waited[name]);
    }
    counters.set(
      'datagramsDropped',
      REASONS.reduce((sum, name) => sum + dropped[name], 0),
    );
    counters.set('gateClamped', clamped);
  }

  /** The sessions, or only one, where asked for with their features as plain rows: the main thread puts names to them. */
  report(now: number, asked: { features: boolean; only?: number | undefined }): Report {
    const one = asked.only === undefined ? undefined : this.#live.get(asked.only);
    const shown = asked.only === undefined ? [...this.#live.values()] : one === undefined ? [] : [one];
    const names = asked.features ? this.table.layout.features : [];
    const features = new Float32Array(shown.length * names.length);
    const sessions = shown.map(({ session }, i): SessionReport => {
      if (asked.features) features.set(this.table.features(session.handle, now), i * names.length);
      return {
        handle: session.handle,
        slot: this.table.slotOf(session.handle),
        shard: this.shard,
        client: session.identity.client,
        function: session.functionId,
        transport: session.identity.transport,
        openSeconds: (now - session.openedAt) / 1000,
        settings: session.settings,
        reason: session.posture.reason,
        counts: this.table.counts(session.handle),
      };
    });
    return { sessions, features, names };
  }
}

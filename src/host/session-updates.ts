import { isWorthWriting, publishedLimits, settingsFor } from '../adapt/settings.js';
import type { CoreShare } from '../core/layout.js';
import { LimitsMailbox } from '../core/limits-mailbox.js';
import type { SessionContext } from '../predict/model/context.js';
import { ERROR_SCENARIOS, errorBit, type RequestType } from '../profile/behavioral-profile.js';
import type { Profiler } from '../profile/behavioral-profiler.js';
import type { Admissions } from './admissions.js';
import type { DecisionRecord } from './decision-record.js';
import type { FunctionTotals } from './function-totals.js';
import type { SessionEvent, SettingsEvent } from './host-events.js';
import type { HostPrediction } from './prediction/host-prediction.js';
import type { SessionOpening } from './prediction/messages.js';
import { sessionName, sessionsOf } from './session-name.js';
import type { SessionUpdate } from './shard/messages.js';

const NOTHING = { bufferSize: 0, rateLimit: 0, level: 0 };
/** What a session did after it was heard of last. */
const NO_MORE = { bytesIn: 0, bytesOut: 0, seconds: 0, errors: 0, held: 0, opened: false };

/** An open session: what it said last, and what was known as it opened. */
interface OpenSession {
  last: SessionUpdate;
  context: SessionContext;
}

/** Who is told of sessions. */
export interface SessionUpdateHooks {
  onSession(event: SessionEvent): void;
  onSettings(event: SettingsEvent): void;
}

/** Takes what sessions did in a tick to all who learn from it. Without a model averages set the limits from here. */
export class SessionUpdates {
  /** Where limits of a shard's sessions are written. */
  readonly #mailboxes = new Map<number, LimitsMailbox>();
  /** Open sessions by their names. */
  readonly #open = new Map<string, OpenSession>();

  constructor(
    readonly profiler: Profiler,
    readonly admissions: Admissions,
    readonly prediction: HostPrediction,
    readonly record: DecisionRecord,
    readonly functions: FunctionTotals,
    readonly hooks: SessionUpdateHooks,
  ) {}

  /** A shard came, or came again with another memory. */
  shard(shard: number, core: CoreShare): void {
    this.#mailboxes.set(shard, new LimitsMailbox(core));
  }

  /** A shard is gone: sessions that it had are over, and nobody else says so. */
  lost(shard: number): void {
    const lost = this.#openOf(shard);
    if (lost.length > 0) {
      this.take(
        shard,
        lost.map(({ last }) => ({ ...last, ...NO_MORE, closed: true })),
      );
    }
  }

  #openOf(shard: number): OpenSession[] {
    return [...this.#open].filter(([id]) => id.startsWith(sessionsOf(shard))).map(([, session]) => session);
  }

  /** A shard's open sessions, for a predictor that knows nothing of them, or not what the configuration says by now. */
  openings(shard: number): SessionOpening[] {
    return this.#openOf(shard).map(({ last, context }) => this.#opening(last, context, false));
  }

  take(shard: number, updates: SessionUpdate[]): void {
    const timestamp = Date.now();
    const openings: SessionOpening[] = [];
    const { service, serves } = this.prediction;
    const mailbox = serves ? undefined : this.#mailboxes.get(shard);
    for (const update of updates) {
      const { handle, client, functionId, bytesIn, bytesOut, seconds, errors, opened, closed } = update;
      const session = sessionName(shard, handle);
      const known = this.#open.get(session);
      let context = known?.context;
      // Asked before the profile takes in the update, which is no part of what was known.
      if (opened || context?.functionId !== functionId) {
        context = context === undefined ? this.#contextOf(update, timestamp) : { ...context, functionId };
        if (!closed) openings.push(this.#opening(update, context, known === undefined));
      }
      // Spread into one another the objects would have no common shape, and cost ten times as much to read.
      const did = { timestamp, bytesIn, bytesOut, seconds, opened, closed, errors, session, functionId };
      this.profiler.updateProfile(client, did);
      this.record.update(shard, update, timestamp);
      this.#account(session, known, update, context);
      if (update.moved) continue;
      if (closed) service?.closed(shard, handle, client, errors);
      // The features tell of everything else.
      else if (errors & errorBit('slow')) service?.errors(shard, handle, errors);
      if (mailbox !== undefined && !closed) this.#followAverage(mailbox, update);
    }
    service?.opened(shard, openings);
  }

  /** Open sessions by what their functions are counted under. */
  get sessionsByFunction(): Map<string, number> {
    const sessions = new Map<string, number>();
    for (const { last } of this.#open.values()) {
      const name = this.functions.nameOf(last.functionId);
      sessions.set(name, (sessions.get(name) ?? 0) + 1);
    }
    return sessions;
  }

  /** Which variants answer sessions that are foretold another kind of request. */
  variantsFor(
    shard: number,
    sessions: readonly { handle: number; requestType: RequestType }[],
  ): { handle: number; variant: string | null }[] {
    return sessions.flatMap(({ handle, requestType }) => {
      const known = this.#open.get(sessionName(shard, handle));
      if (known === undefined) return [];
      const { client, functionId } = known.last;
      const profile = this.profiler.getProfile(client);
      return [{ handle, variant: this.admissions.variantOf(client, functionId, requestType, profile) }];
    });
  }

  /** Keeps the sums of what sessions are granted, and tells of sessions and settings that are new. */
  #account(id: string, known: OpenSession | undefined, update: SessionUpdate, context: SessionContext): void {
    const { client, functionId, bufferSize, rateLimit, level, closed } = update;
    const before = known?.last ?? NOTHING;
    const now = closed ? NOTHING : update;
    this.functions.session(functionId, known === undefined, update);
    this.admissions.buffered += now.bufferSize - before.bufferSize;
    this.admissions.granted += now.rateLimit - before.rateLimit;
    if (closed) this.#open.delete(id);
    else if (known === undefined) this.#open.set(id, { last: update, context });
    else {
      known.last = update;
      known.context = context;
    }
    if (known === undefined) this.hooks.onSession({ state: 'opened', id, client, functionId });
    if (closed) this.hooks.onSession({ state: 'closed', id, client, functionId });
    else if (rateLimit !== before.rateLimit || bufferSize !== before.bufferSize || level !== before.level) {
      this.hooks.onSettings({ id, client, rateLimit, bufferSize, securityLevel: level });
    }
  }

  #contextOf({ client, functionId }: SessionUpdate, openedAt: number): SessionContext {
    const { sessionsSeen, predictedDataRate, predictedErrors } = this.profiler.getProfile(client);
    return {
      functionId,
      openedAt,
      visits: sessionsSeen,
      expectedLogRate: sessionsSeen > 0 ? Math.log1p(predictedDataRate) : 0,
      errors: ERROR_SCENARIOS.map((name) => predictedErrors[name]),
    };
  }

  /** @param isNew it opened, and does not just go on */
  #opening({ handle, client, functionId }: SessionUpdate, context: SessionContext, isNew: boolean): SessionOpening {
    const { profiler, admissions } = this;
    const isTyped = Object.keys(admissions.config.functions[functionId]?.variants ?? {}).length > 0;
    return {
      handle,
      client,
      context,
      memory: isNew ? profiler.memoryOf(client) : null,
      promise: admissions.promiseOf(functionId) ?? null,
      isTyped,
      requestType: isNew && isTyped ? profiler.getProfile(client).predictedRequestType : null,
    };
  }

  #followAverage(mailbox: LimitsMailbox, { handle, client, functionId, rateLimit }: SessionUpdate): void {
    const { policy } = this.admissions;
    const profile = this.profiler.getProfile(client);
    const settings = settingsFor(profile, policy, this.admissions.promiseOf(functionId));
    // Against what is in force, so that many small steps are followed as one large one is.
    if (isWorthWriting(settings.rateLimit, rateLimit)) mailbox.write(handle, publishedLimits(settings));
  }
}

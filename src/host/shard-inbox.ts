import type { EventEmitter } from 'node:events';
import type { RequestType } from '../profile/behavioral-profile.js';
import type { Admissions } from './admissions.js';
import type { FunctionTable } from './functions/function-registry.js';
import { Matchmaker } from './functions/peers/matchmaker.js';
import type { HostEvents } from './host-events.js';
import { PendingReplies } from './pending-replies.js';
import type { HostPrediction } from './prediction/host-prediction.js';
import type { SessionDetails } from './session-details.js';
import type { SessionUpdates } from './session-updates.js';
import type { FromShard, ToShard } from './shard/messages.js';
import type { ShardPool } from './shard-pool.js';
import { WillKeeper } from './will-keeper.js';

/** How long a shard has to load its functions anew. */
const RELOAD_TIMEOUT_MS = 10_000;

/** Those whom shards' messages concern. */
export interface InboxParts {
  pool: ShardPool;
  admissions: Admissions;
  updates: SessionUpdates;
  details: SessionDetails;
  prediction: HostPrediction;
  events: EventEmitter<HostEvents>;
  /** What `/.well-known/tidegate` answers. */
  wellKnown: () => string;
}

/** Takes what shards say to whom it concerns, and answers what they ask. */
export class ShardInbox {
  /** Changes of security level, by the level that came of them. */
  readonly levelChanges = [0, 0, 0, 0];
  readonly #matchmaker: Matchmaker;
  /** Which shard a question is to, of those that load functions. */
  readonly #loading = new Map<number, number>();
  readonly #reloads = new PendingReplies<string | null>(RELOAD_TIMEOUT_MS, 'a shard did not load them');

  readonly #wills: WillKeeper;

  constructor(readonly parts: InboxParts) {
    const { pool } = parts;
    this.#wills = new WillKeeper((shard, wills) => pool.send(shard, { type: 'wills', wills }));
    this.#matchmaker = new Matchmaker((shard, answer, transfer) =>
      pool.send(shard, { type: 'peer', answer }, transfer),
    );
  }

  /** @param answer tells the shard that said it: one that came in its place has questions of the same numbers. */
  take(shard: number, message: FromShard, answer: (message: ToShard) => void): void {
    const { admissions, updates, details, events } = this.parts;
    switch (message.type) {
      case 'ready':
        this.#ready(shard, message);
        return;
      case 'open':
      case 'hello':
        void this.#admit(message, answer);
        return;
      case 'checkJwt': {
        const { request, introduction, jwt, client, since } = message;
        void admissions.identifier
          .judge({ ...introduction, jwt }, client, since)
          .then((verdict) => answer({ type: 'jwtChecked', request, verdict }));
        return;
      }
      case 'peer':
        this.#matchmaker.join(shard, message.handle, message.functionId, message.name);
        return;
      case 'peerLeft':
        this.#matchmaker.leave(shard, message.handle);
        return;
      case 'functionsLoaded':
        this.#reloads.answer(message.request, message.error);
        return;
      case 'level': {
        const { type: _, ...change } = message;
        this.levelChanges[change.to]++;
        events.emit('level', change);
        events.emit('log', change.to > change.from ? 'warn' : 'info', 'security level', { shard, ...change });
        return;
      }
      case 'turnedAway':
        admissions.turnedAway(message.prefixes);
        return;
      case 'updates':
        updates.take(shard, message.updates);
        return;
      case 'will':
        this.#wills.keep(shard, message.key, message.will);
        return;
      case 'willDone':
        this.#wills.drop(shard, message.key);
        return;
      case 'calls':
        updates.functions.calls(message.calls);
        return;
      case 'report':
        details.answer(message);
        return;
      case 'log':
        events.emit('log', message.level, message.message, { shard, ...message.detail });
        return;
      case 'drained':
        this.lost(shard, null);
        events.emit('shard', { shard, state: 'ended', reason: null });
        return;
    }
  }

  /** A shard is gone, and its sessions with it. @param reason null: it was to end */
  lost(shard: number, reason: string | null): void {
    this.#matchmaker.lost(shard);
    this.parts.updates.lost(shard);
    const { live } = this.parts.pool;
    this.#wills.gone(
      shard,
      live.filter((other) => other !== shard),
    );
    this.parts.prediction.service?.lost(shard);
    for (const [request, asked] of this.#loading) if (asked === shard) this.#reloads.answer(request, reason);
  }

  /** A shard that came back has another memory. */
  #ready(shard: number, { core }: Extract<FromShard, { type: 'ready' }>): void {
    const { pool, updates, prediction, events, wellKnown } = this.parts;
    updates.shard(shard, core);
    prediction.service?.shard(shard, core);
    pool.send(shard, { type: 'wellKnown', body: wellKnown() });
    this.#wills.serves(shard);
    events.emit('shard', { shard, state: 'serving', reason: null });
  }

  async #admit(
    { request, introduction, type }: Extract<FromShard, { type: 'open' | 'hello' }>,
    answer: (message: ToShard) => void,
  ): Promise<void> {
    const { admissions, events } = this.parts;
    try {
      const outcome = await admissions.admit(introduction, type === 'hello');
      if ('admission' in outcome) answer({ type: 'admitted', request, admission: outcome.admission });
      else answer({ type: 'refused', request, ...outcome });
    } catch (error) {
      events.emit('log', 'error', 'a session could not be admitted', { error: (error as Error).message });
      answer({ type: 'refused', request, problem: 'hook-failed', reason: 'the host failed' });
    }
  }

  /** Sessions of which another kind of request is foretold: their functions' variants may answer from now on. */
  requestTypes(shard: number, foretold: { handle: number; requestType: RequestType }[]): void {
    const { pool, updates, admissions } = this.parts;
    try {
      const sessions = updates.variantsFor(shard, foretold);
      if (sessions.length > 0) pool.send(shard, { type: 'variants', sessions });
    } catch (error) {
      admissions.faults.note('chooseEndpoint', error);
    }
  }

  /** Has all shards load other functions. Resolves with what is wrong with them, or null. */
  async reloadFunctions(table: FunctionTable): Promise<string | null> {
    const { pool } = this.parts;
    const asked = new Set<number>();
    for (;;) {
      // Some may come meanwhile, with the functions there are.
      const others = pool.present.filter((shard) => !asked.has(shard));
      if (others.length === 0) break;
      for (const shard of others) asked.add(shard);
      const problems = await Promise.all(others.map((shard) => this.#load(shard, table)));
      this.#loading.clear();
      const problem = problems.find((each) => each !== null) ?? null;
      if (problem !== null) return problem;
    }
    // Only now: a shard that these keep from serving comes back without them.
    pool.settings.functions = table;
    return null;
  }

  #load(shard: number, table: FunctionTable): Promise<string | null> {
    return this.#reloads.ask((request) => {
      this.#loading.set(request, shard);
      this.parts.pool.send(shard, { type: 'functions', request, table });
    });
  }
}

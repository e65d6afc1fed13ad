import { RecentMap } from '../core/recent-map.js';
import {
  type BehavioralProfile,
  ERROR_SCENARIOS,
  type ErrorScenario,
  type PredictionMemory,
  REQUEST_TYPES,
  type RequestType,
} from './behavioral-profile.js';
import type { CohortView } from './cohorts/cohorts.js';
import { Crowd, type SessionHints, shapeOf, VISIT_SPAN, type WatchedVisit } from './crowd.js';
import { type CachedProfile, type LiveSession, ProfileCache } from './profile-cache.js';
import { MOST_HISTORY, ProfileRecord } from './record/profile-record.js';
import { MemoryStore } from './store/memory-store.js';
import type { ProfileStore, StoreState } from './store/profile-store.js';

/** What a session did since it was last reported. */
export interface ProfileUpdate {
  /** Milliseconds since the epoch. */
  timestamp: number;
  bytesIn: number;
  bytesOut: number;
  /** Length of the stretch reported, seconds. */
  seconds: number;
  /** Set once a session: with its first update, and with its last. */
  opened?: boolean;
  closed?: boolean;
  /** What went wrong, a bit for each of ERROR_SCENARIOS. */
  errors?: number;
  /** Tells sessions of one client apart. */
  session?: string;
  functionId?: string;
}

/** The one door between profiles and the rest: it can be served from elsewhere. */
export interface Profiler {
  /** Brings what is known of a client to hand; null: it is. */
  prepare(clientIdentifier: string): Promise<void> | null;
  /** @param opening what a session opens with, where one does: what is told then is of that. */
  getProfile(clientIdentifier: string, opening?: SessionHints): BehavioralProfile;
  updateProfile(clientIdentifier: string, update: ProfileUpdate): void;
  /** What a model keeps of a client between its sessions; null: nothing. */
  memoryOf(clientIdentifier: string): PredictionMemory | null;
  remember(clientIdentifier: string, memory: PredictionMemory): void;
  /** A client has another pseudonym now. */
  rename(from: string, to: string): Promise<void>;
  /** Removes everything of clients; resolves when no trace is left. */
  forget(clientIdentifiers: readonly string[]): Promise<void>;
  /**
   * From now on hears of clients that other hosts forget, and of those that they forgot while this one did not run: `gone` resolves
   * when nothing is left of them here beside their profiles.
   */
  follow(gone: (clientIdentifiers: readonly string[]) => Promise<void>): void;
  /** Removes clients that were not seen since a time, ms since the epoch. Returns who that was. */
  expire(before: number): Promise<string[]>;
  /** Clusters of clients that behave alike. */
  cohorts(): CohortView[];
  readonly storeState: StoreState;
  /** Writes what changed. Rejects where the store is not there. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface ProfilerOptions {
  /** bytes/s for a client nobody knows, before enough others were seen. */
  defaultDataRate: number;
  /** Half-life of the average in seconds of connected time. */
  halfLifeSeconds: number;
  /** Profiles in memory. */
  maxProfiles: number;
  maxHistory: number;
  /** Whether what is told of an opening is learned from all clients; else it is the average of its client's past. */
  learnsOpenings: boolean;
}

export const DEFAULT_PROFILER_OPTIONS: ProfilerOptions = {
  defaultDataRate: 64 * 1024,
  halfLifeSeconds: 30,
  maxProfiles: 10_000,
  maxHistory: MOST_HISTORY,
  learnsOpenings: true,
};

/** Seconds of an open session from which its own average says more than what was expected of it. */
const SETTLED = 20;
/** An estimate for an opening is taken up by the session within, ms. */
const OPENING_MS = 10_000;
/** And of so many at once; who comes later is estimated again. */
const MOST_OPENINGS = 5000;
/** ms between two writings of what all clients taught. */
const SAVE_MS = 300_000;
const CROWD = 'crowd';
const NOBODY = new ProfileRecord();

/**
 * Profiles of clients. `predictedDataRate` of a session that is open is the exponentially weighted average of its client's
 * rate over the time that it was connected, whichever session that was in:
 *
 *     rate = sum(w_i * bytes_i) / sum(w_i * seconds_i),   w_i = 2^(-(connected seconds since i) / halfLife)
 *
 * At an opening it is what is learned of openings: see `crowd.ts`.
 */
export class BehavioralProfiler implements Profiler {
  readonly options: ProfilerOptions;
  readonly #cache: ProfileCache;
  readonly #crowd = new Crowd();
  readonly #sessions = new Map<string, LiveSession>();
  /** Estimates for sessions that are about to open. */
  readonly #openings = new RecentMap<string, { visit: WatchedVisit; at: number }>(MOST_OPENINGS);
  #savedAt = Number.NEGATIVE_INFINITY;
  #lastSeconds = 0;
  #lastKeep = 1;

  constructor(
    options: Partial<ProfilerOptions> = {},
    readonly store: ProfileStore = new MemoryStore(),
  ) {
    this.options = { ...DEFAULT_PROFILER_OPTIONS, ...options };
    this.#cache = new ProfileCache(store, this.options.maxProfiles);
    this.#cache.onRemoved = (client) => this.#letGo([client]);
  }

  /** With what was learned before. A damaged part is left. */
  static async open(options: Partial<ProfilerOptions>, store: ProfileStore): Promise<BehavioralProfiler> {
    const profiler = new BehavioralProfiler(options, store);
    const kept = await store.readMeta(CROWD);
    if (kept !== null) {
      try {
        profiler.#crowd.restore(kept);
      } catch {
        store.state.damaged++;
      }
    }
    profiler.#savedAt = Date.now();
    return profiler;
  }

  /** Profiles in memory. */
  get size(): number {
    return this.#cache.size;
  }

  get storeState(): StoreState {
    return this.store.state;
  }

  prepare(clientIdentifier: string): Promise<void> | null {
    return this.#cache.prepare(clientIdentifier);
  }

  getProfile(clientIdentifier: string, opening?: SessionHints): BehavioralProfile {
    const entry = this.#cache.get(clientIdentifier);
    const record = entry === null ? NOBODY : this.#cache.view(entry);
    return {
      clientIdentifier,
      predictedDataRate: this.#rate(clientIdentifier, entry, record, opening),
      predictedDataRateBand: null,
      predictedRequestType: requestTypeOf(record),
      predictedSecurityRisk: record.memory?.risk ?? 0,
      predictedErrors: this.#chances(record),
      predictedRateLimit: null,
      predictedBy: null,
      // Most who ask do not look at it.
      get historicalData() {
        return record.history.entries();
      },
      sessionsSeen: record.sessions,
      firstSeen: record.firstSeen,
      lastSeen: record.lastSeen,
      cohort: this.#cohortOf(record),
    };
  }

  #rate(client: string, entry: CachedProfile | null, record: ProfileRecord, opening: SessionHints | undefined): number {
    const average = this.#average(record);
    if (!this.options.learnsOpenings) return average;
    if (opening === undefined) return this.#liveRate(entry, average);
    const visit = this.#crowd.begin(record.visits, opening);
    this.#openings.set(client, { visit, at: opening.timestamp });
    return this.#crowd.isInformed ? visit.rate : average;
  }

  #average({ seconds, bytes }: ProfileRecord): number {
    return seconds > 0 ? bytes / seconds : this.options.defaultDataRate;
  }

  /** bytes/s: the average of a client's past. */
  averageOf(clientIdentifier: string): number {
    const entry = this.#cache.get(clientIdentifier);
    return this.#average(entry === null ? NOBODY : this.#cache.view(entry));
  }

  /** What is told of a client between openings: of one whose only session has just begun, with what others are like. */
  #liveRate(entry: CachedProfile | null, average: number): number {
    if (entry === null || entry.open !== 1 || !this.#crowd.isInformed) return average;
    const session = entry.last;
    if (session?.visit == null || session.seconds >= SETTLED) return average;
    const settled = session.seconds / SETTLED;
    return settled * average + (1 - settled) * this.#crowd.early(session.visit);
  }

  #cohortOf({ seconds, bytes, visits }: ProfileRecord): string | null {
    if (visits.filled === 0 || seconds <= 0) return null;
    const rate = Math.expm1(visits.rateSum / visits.filled);
    const shape = { firstIn: 0, firstOut: 0, bytesIn: bytes / 2, bytesOut: bytes / 2, seconds };
    return this.#crowd.cohorts.nameOf({ ...shapeOf(shape), rate });
  }

  updateProfile(clientIdentifier: string, update: ProfileUpdate): void {
    // A client that was forgotten stays so until it comes again.
    const entry = update.opened ? this.#cache.touch(clientIdentifier) : this.#cache.get(clientIdentifier);
    const name = update.session ?? clientIdentifier;
    if (entry === null) {
      this.#sessions.delete(name);
      return;
    }
    const { own } = entry;
    const { timestamp, bytesIn, bytesOut, seconds } = update;
    if (update.opened) this.#open(name, entry, update);
    if (update.errors) own.errors.note(update.errors);
    own.lastSeen = Math.max(own.lastSeen, timestamp);
    if (seconds > 0) {
      const keep = this.#keepOver(seconds);
      own.bytes = own.bytes * keep + bytesIn + bytesOut;
      own.seconds = own.seconds * keep + seconds;
      own.history.add(timestamp, bytesIn, bytesOut, seconds, this.options.maxHistory);
    }
    this.#watch(name, entry, update);
    if (update.closed) this.#close(name, entry);
    this.#cache.changed(entry);
  }

  /** What is left of a weight after so many seconds; nearly all updates are of one tick's length. */
  #keepOver(seconds: number): number {
    if (seconds !== this.#lastSeconds) {
      this.#lastSeconds = seconds;
      this.#lastKeep = 2 ** (-seconds / this.options.halfLifeSeconds);
    }
    return this.#lastKeep;
  }

  #open(name: string, entry: CachedProfile, { timestamp, functionId = '' }: ProfileUpdate): void {
    const { own, client } = entry;
    own.sessions++;
    if (own.firstSeen === 0) own.firstSeen = timestamp;
    entry.open++;
    const opening = this.#openings.get(client);
    this.#openings.delete(client);
    const visit =
      opening !== undefined && timestamp - opening.at < OPENING_MS
        ? opening.visit
        : this.#crowd.begin(this.#cache.view(entry).visits, { functionId, timestamp });
    entry.last = { name, client, visit, seconds: 0 };
    this.#sessions.set(name, entry.last);
  }

  #watch(name: string, entry: CachedProfile, { timestamp, bytesIn, bytesOut, seconds }: ProfileUpdate): void {
    const bytes = bytesIn + bytesOut;
    if (bytes > 0) {
      const { visits } = entry.own;
      visits.messages++;
      visits.lastMessage = timestamp / 1000;
      this.#crowd.active(visits, timestamp, bytes);
    }
    const session = entry.last?.name === name ? entry.last : this.#sessions.get(name);
    if (session === undefined) return;
    session.seconds += seconds;
    const { visit } = session;
    if (visit === null) return;
    if (visit.seconds === 0) {
      visit.firstIn = bytesIn;
      visit.firstOut = bytesOut;
    }
    visit.bytesIn += bytesIn;
    visit.bytesOut += bytesOut;
    visit.seconds += seconds;
    if (visit.seconds >= VISIT_SPAN) this.#finish(session, entry, timestamp);
  }

  #finish(session: LiveSession, entry: CachedProfile, timestamp: number): void {
    if (session.visit === null) return;
    this.#crowd.finish(entry.client, entry.own.visits, session.visit, timestamp);
    session.visit = null;
  }

  #close(name: string, entry: CachedProfile): void {
    const session = this.#sessions.get(name);
    this.#sessions.delete(name);
    if (entry.last === session) entry.last = null;
    if (session !== undefined) this.#finish(session, entry, entry.own.lastSeen);
    this.#cache.closed(entry);
    this.#crowd.errors.add(entry.own.errors.end());
  }

  memoryOf(clientIdentifier: string): PredictionMemory | null {
    return this.#cache.get(clientIdentifier)?.own.memory ?? null;
  }

  remember(clientIdentifier: string, memory: PredictionMemory): void {
    const entry = this.#cache.get(clientIdentifier);
    // A client that was forgotten stays so.
    if (entry === null) return;
    entry.own.memory = memory;
    entry.own.types[REQUEST_TYPES.indexOf(memory.requestType)]++;
    this.#cache.changed(entry);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#cache.rename(from, to);
  }

  #letGo(clients: readonly string[]): void {
    for (const client of clients) {
      this.#crowd.forget(client);
      this.#openings.delete(client);
    }
    const gone = new Set(clients);
    for (const [name, { client }] of this.#sessions) if (gone.has(client)) this.#sessions.delete(name);
  }

  async forget(clientIdentifiers: readonly string[]): Promise<void> {
    this.#letGo(clientIdentifiers);
    await this.#save();
    await this.#cache.remove(clientIdentifiers);
  }

  follow(gone: (clientIdentifiers: readonly string[]) => Promise<void>): void {
    this.store.follow(gone);
  }

  async expire(before: number): Promise<string[]> {
    const gone = await this.#cache.expire(before);
    this.#letGo(gone);
    return gone;
  }

  cohorts(): CohortView[] {
    return this.#crowd.cohorts.shown();
  }

  async flush(): Promise<void> {
    this.#crowd.settle();
    for (const [client, { at }] of this.#openings) {
      if (Date.now() - at < OPENING_MS) break;
      this.#openings.delete(client);
    }
    await this.#cache.flush();
    if (Date.now() - this.#savedAt >= SAVE_MS) await this.#save();
  }

  async #save(): Promise<void> {
    this.#savedAt = Date.now();
    await this.store.writeMeta(CROWD, this.#crowd.save());
  }

  /** Writes everything and lets the store go. */
  async close(): Promise<void> {
    try {
      await this.#cache.flush();
      await this.#save();
    } finally {
      await this.store.close();
    }
  }

  #chances({ errors }: ProfileRecord): Record<ErrorScenario, number> {
    const chances = { reset: 0, limit: 0, malformed: 0, slow: 0, timeout: 0 };
    for (let i = 0; i < ERROR_SCENARIOS.length; i++) {
      chances[ERROR_SCENARIOS[i]] = errors.chance(i, this.#crowd.errors);
    }
    return chances;
  }
}

/** What the model said last, or said most often. */
function requestTypeOf({ memory, types }: ProfileRecord): RequestType {
  if (memory !== null) return memory.requestType;
  const most = Math.max(...types);
  return most > 0 ? REQUEST_TYPES[types.indexOf(most)] : 'transactional';
}

import {
  type BehavioralProfile,
  ERROR_SCENARIOS,
  type ErrorScenario,
  type HistoryEntry,
  type PredictionMemory,
} from './behavioral-profile.js';
import { ErrorHistory } from './error-history.js';

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
}

/** The one door between profiles and the rest: it can be served from elsewhere. */
export interface Profiler {
  getProfile(clientIdentifier: string): BehavioralProfile;
  updateProfile(clientIdentifier: string, update: ProfileUpdate): void;
  /** What a model keeps of a client between its sessions; null: nothing. */
  memoryOf(clientIdentifier: string): PredictionMemory | null;
  remember(clientIdentifier: string, memory: PredictionMemory): void;
  /** Removes everything of a client. */
  forget(clientIdentifier: string): void;
}

export interface ProfilerOptions {
  /** bytes/s for a client nobody knows. */
  defaultDataRate: number;
  /** Half-life of the average in seconds of connected time. */
  halfLifeSeconds: number;
  maxProfiles: number;
  maxHistory: number;
}

export const DEFAULT_PROFILER_OPTIONS: ProfilerOptions = {
  defaultDataRate: 64 * 1024,
  halfLifeSeconds: 30,
  maxProfiles: 100_000,
  maxHistory: 60,
};

interface Entry {
  /** Exponentially weighted bytes and seconds; their quotient is the average rate. */
  bytes: number;
  seconds: number;
  sessions: number;
  history: HistoryEntry[];
  errors: ErrorHistory;
  memory: PredictionMemory | null;
}

const NO_ERRORS = new ErrorHistory();

/** Shorter stretches are joined, so that the history reaches back further than its length in ticks. */
const HISTORY_STRETCH = 5;

/**
 * Profiles in memory. `predictedDataRate` is the exponentially weighted average of a client's rate over the time that
 * it was connected, whichever session that was in:
 *
 *     rate = sum(w_i * bytes_i) / sum(w_i * seconds_i),   w_i = 2^(-(connected seconds since i) / halfLife)
 *
 * The least recently used profile gives way when the table is full.
 */
export class BehavioralProfiler implements Profiler {
  /** In order of last use: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Entry>();
  /** Of all clients. */
  readonly #errors = new ErrorHistory();
  readonly options: ProfilerOptions;

  constructor(options: Partial<ProfilerOptions> = {}) {
    this.options = { ...DEFAULT_PROFILER_OPTIONS, ...options };
  }

  get size(): number {
    return this.#entries.size;
  }

  getProfile(clientIdentifier: string): BehavioralProfile {
    const entry = this.#entries.get(clientIdentifier);
    const known = entry !== undefined && entry.seconds > 0;
    return {
      clientIdentifier,
      predictedDataRate: known ? entry.bytes / entry.seconds : this.options.defaultDataRate,
      predictedDataRateBand: null,
      predictedRequestType: entry?.memory?.requestType ?? 'transactional',
      predictedSecurityRisk: entry?.memory?.risk ?? 0,
      predictedErrors: this.#chances(entry),
      predictedRateLimit: null,
      predictedBy: null,
      historicalData: entry?.history.slice() ?? [],
      sessionsSeen: entry?.sessions ?? 0,
    };
  }

  updateProfile(clientIdentifier: string, update: ProfileUpdate): void {
    const entry = this.#touch(clientIdentifier);
    if (update.opened) entry.sessions++;
    if (update.errors) entry.errors.note(update.errors);
    if (update.closed) this.#errors.add(entry.errors.end());
    if (!(update.seconds > 0)) return;
    const keep = 2 ** (-update.seconds / this.options.halfLifeSeconds);
    entry.bytes = entry.bytes * keep + update.bytesIn + update.bytesOut;
    entry.seconds = entry.seconds * keep + update.seconds;
    this.#remember(entry, update);
  }

  memoryOf(clientIdentifier: string): PredictionMemory | null {
    return this.#entries.get(clientIdentifier)?.memory ?? null;
  }

  remember(clientIdentifier: string, memory: PredictionMemory): void {
    const entry = this.#entries.get(clientIdentifier);
    // A client that was forgotten stays so.
    if (entry !== undefined) entry.memory = memory;
  }

  forget(clientIdentifier: string): void {
    this.#entries.delete(clientIdentifier);
  }

  #chances(entry: Entry | undefined): Record<ErrorScenario, number> {
    const chances = (entry?.errors ?? NO_ERRORS).chances(this.#errors);
    return Object.fromEntries(ERROR_SCENARIOS.map((name, i) => [name, chances[i]])) as Record<ErrorScenario, number>;
  }

  #remember(entry: Entry, update: ProfileUpdate): void {
    const last = entry.history.at(-1);
    if (last !== undefined && last.seconds < HISTORY_STRETCH) {
      last.timestamp = update.timestamp;
      last.bytesIn += update.bytesIn;
      last.bytesOut += update.bytesOut;
      last.seconds += update.seconds;
      return;
    }
    const { timestamp, bytesIn, bytesOut, seconds } = update;
    entry.history.push({ timestamp, bytesIn, bytesOut, seconds });
    if (entry.history.length > this.options.maxHistory) entry.history.shift();
  }

  #touch(clientIdentifier: string): Entry {
    let entry = this.#entries.get(clientIdentifier);
    if (entry === undefined) {
      if (this.#entries.size >= this.options.maxProfiles) {
        const [oldest] = this.#entries.keys();
        this.#entries.delete(oldest);
      }
      entry = { bytes: 0, seconds: 0, sessions: 0, history: [], errors: new ErrorHistory(), memory: null };
    } else {
      this.#entries.delete(clientIdentifier);
    }
    this.#entries.set(clientIdentifier, entry);
    return entry;
  }
}

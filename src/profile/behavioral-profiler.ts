import type { BehavioralProfile, HistoryEntry } from './behavioral-profile.js';

/** What a session did since it was last reported. */
export interface ProfileUpdate {
  /** Milliseconds since the epoch. */
  timestamp: number;
  bytesIn: number;
  bytesOut: number;
  /** Length of the stretch reported, seconds. */
  seconds: number;
  /** Set once a session. */
  opened?: boolean;
}

/** The one door between profiles and the rest: it can be served from elsewhere. */
export interface Profiler {
  getProfile(clientIdentifier: string): BehavioralProfile;
  updateProfile(clientIdentifier: string, update: ProfileUpdate): void;
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
}

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
      predictedRequestType: 'transactional',
      predictedSecurityRisk: 0,
      historicalData: entry?.history.slice() ?? [],
      sessionsSeen: entry?.sessions ?? 0,
    };
  }

  updateProfile(clientIdentifier: string, update: ProfileUpdate): void {
    const entry = this.#touch(clientIdentifier);
    if (update.opened) entry.sessions++;
    if (!(update.seconds > 0)) return;
    const keep = 2 ** (-update.seconds / this.options.halfLifeSeconds);
    entry.bytes = entry.bytes * keep + update.bytesIn + update.bytesOut;
    entry.seconds = entry.seconds * keep + update.seconds;
    this.#remember(entry, update);
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
      entry = { bytes: 0, seconds: 0, sessions: 0, history: [] };
    } else {
      this.#entries.delete(clientIdentifier);
    }
    this.#entries.set(clientIdentifier, entry);
    return entry;
  }
}

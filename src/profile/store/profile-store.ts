import type { ProfileRecord } from '../record/profile-record.js';

/** What is known of a client in the store. */
export interface StoredProfile {
  /** Written by this host: counts and sums go on from here. */
  own: ProfileRecord;
  /** Counts and sums of the other hosts; null where there are none. */
  others: ProfileRecord | null;
}

/** How a store does, for people. */
export interface StoreState {
  kind: 'memory' | 'lmdb' | 'valkey';
  /** Why it can't be used at present; null: it can. */
  problem: string | null;
  /** Records that were damaged and moved aside. */
  damaged: number;
  /** Clients that gave way in memory before what was learned of them could be written: the store failed for long. */
  unwritten: number;
}

/**
 * Where profiles outlive the process. Reads of a store on this machine answer at once, others later. Writes are whole
 * records in batches; who calls waits for one before the next.
 */
export interface ProfileStore {
  readonly state: StoreState;
  /** Null: there is no record. Rejects where the store is not there. */
  read(client: string): StoredProfile | null | Promise<StoredProfile | null>;
  write(records: readonly (readonly [client: string, record: ProfileRecord])[]): Promise<void>;
  /** Removes a client without a trace in the files; resolves when that is so. */
  remove(clients: readonly string[]): Promise<void>;
  /**
   * A client has another name now; where there is something under both, what was written last counts, host by host. Returns
   * false where there is none of the old name.
   */
  rename(from: string, to: string): Promise<boolean>;
  /** Removes those who were not seen since `before` (ms since the epoch). Returns who that was, where the store does it here. */
  expire(before: number): Promise<string[]>;
  /** All clients; for reports. */
  clients(): AsyncIterable<string>;
  /** What all clients together taught, by name. */
  readMeta(name: string): Promise<Uint8Array | null>;
  writeMeta(name: string, bytes: Uint8Array): Promise<void>;
  /** Called with a client that a host removed; says whether it was in use here. */
  onRemoved: (client: string) => boolean;
  /**
   * From now on hears of clients that other hosts remove, and of those that they removed before, also while this one did not run:
   * `onRemoved` for each, then `gone` with all, which resolves when nothing is left of them here.
   */
  follow(gone: (clients: readonly string[]) => Promise<void>): void;
  close(): Promise<void>;
}

import { OldestKeys } from '../core/oldest-keys.js';
import type { WatchedVisit } from './crowd.js';
import { FormerNames } from './former-names.js';
import { ProfileRecord } from './record/profile-record.js';
import type { ProfileStore, StoredProfile } from './store/profile-store.js';

/** A session that is open. */
export interface LiveSession {
  readonly name: string;
  readonly client: string;
  /** Null where the first five minutes are over. */
  visit: WatchedVisit | null;
  seconds: number;
}

/** A client that is held in memory. */
export interface CachedProfile {
  client: string;
  /** Names that it had when sessions opened that still are. */
  former: string[];
  /** What this host counted; what others did, where they share a store. */
  own: ProfileRecord;
  others: ProfileRecord | null;
  /** Sessions that are open: it stays. The last of them, where it is. */
  open: number;
  last: LiveSession | null;
  /** When the store was read last, ms. */
  readAt: number;
  /** What the store has is not known yet: it is added before anything is written. */
  isUnread: boolean;
  isDirty: boolean;
  /** Its writing is under way, and may fail. */
  isWriting: boolean;
}

/** Records in one transaction, with room for other work behind it. */
const BATCH = 1000;
/** Entries that are looked at to find one that can go. */
const LOOK = 16;
/** Where the store fails, who waits to be written gives way too at so many times the room there is. */
const MOST_AHEAD = 4;
/** ms after which a profile that others may have written is read again. */
const STALE_MS = 1000;

/** The profiles at hand, in front of a store: read when they are asked for, written behind in batches. */
export class ProfileCache {
  /** In order of last use: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, CachedProfile>();
  readonly #oldest = new OldestKeys(this.#entries);
  #dirty: CachedProfile[] = [];
  #flushing: Promise<void> | null = null;
  readonly #names = new FormerNames();

  /** Another host, or this one, removed a client. */
  onRemoved: (client: string) => void = () => {};

  constructor(
    readonly store: ProfileStore,
    readonly most: number,
  ) {
    store.onRemoved = (client) => {
      const wasHere = this.#drop(client);
      this.onRemoved(client);
      return wasHere;
    };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Clients that wait to be written. */
  get waiting(): number {
    return this.#dirty.length;
  }

  /** What is at hand of a client; a store that answers at once is asked. Null: nothing is. */
  get(client: string): CachedProfile | null {
    const entry = this.#entries.get(this.#names.presentOf(client));
    if (entry !== undefined) return entry;
    if (this.#isToldLater(client)) return null;
    const stored = this.store.read(client) as StoredProfile | null;
    return stored === null ? null : this.#insert(client, stored, false);
  }

  /** Whether what the store has of a client takes a while: it answers later, or has it under another name. */
  #isToldLater(client: string): boolean {
    return this.store.state.kind === 'valkey' || this.#names.owedTo(client) !== undefined;
  }

  /** Brings a client to hand from a store that answers later. Null: it is at hand. */
  prepare(client: string): Promise<void> | null {
    if (this.store.state.kind !== 'valkey') return null;
    const entry = this.#entries.get(client);
    if (entry !== undefined && this.#isUpToDate(entry)) return null;
    return this.#fetch(client, entry);
  }

  #isUpToDate({ isUnread, readAt }: CachedProfile): boolean {
    return !isUnread && (this.store.state.kind !== 'valkey' || performance.now() - readAt < STALE_MS);
  }

  /** What the store has of a client, under its present name from then on. */
  async #read(client: string): Promise<StoredProfile | null> {
    for (const from of this.#names.owedTo(client) ?? []) await this.#move(from, client);
    return await this.store.read(client);
  }

  async #fetch(client: string, entry: CachedProfile | undefined): Promise<void> {
    let stored: StoredProfile | null;
    try {
      stored = await this.#read(client);
    } catch {
      // The store says itself that it is not there.
      return;
    }
    const present = this.#entries.get(client) ?? entry;
    if (present === undefined) {
      if (stored !== null) this.#insert(client, stored, false);
      return;
    }
    present.readAt = performance.now();
    this.#catchUp(present, stored);
  }

  #catchUp(entry: CachedProfile, stored: StoredProfile | null): void {
    entry.others = stored?.others ?? null;
    // Who asked later may have been answered before.
    if (entry.isUnread && stored !== null) entry.own = ProfileRecord.merged(stored.own, entry.own);
    entry.isUnread = false;
  }

  /** A client is at work: it is at hand from now on. */
  touch(client: string): CachedProfile {
    let entry = this.get(client);
    if (entry === null) {
      // The answer may be late, or was none.
      entry = this.#insert(client, { own: new ProfileRecord(), others: null }, this.#isToldLater(client));
    }
    return entry;
  }

  #insert(client: string, { own, others }: StoredProfile, isUnread: boolean): CachedProfile {
    const state = { former: [], isUnread, isDirty: false, isWriting: false };
    const entry = { client, own, others, open: 0, last: null, readAt: performance.now(), ...state };
    // Before it is there, or it might be the one to go.
    if (this.#entries.size < this.most) this.#oldest.rest();
    else this.#makeRoom();
    this.#entries.set(client, entry);
    return entry;
  }

  #makeRoom(): void {
    for (let looked = 0; looked < LOOK && this.#entries.size >= this.most; looked++) {
      const client = this.#oldest.next();
      const entry = client === undefined ? undefined : this.#entries.get(client);
      if (client === undefined || entry === undefined) return;
      this.#entries.delete(client);
      // In use: to the end of the line.
      if (!this.#mayGo(entry)) this.#entries.set(client, entry);
      else this.#names.settle(client);
    }
  }

  #mayGo(entry: CachedProfile): boolean {
    if (entry.open > 0 || entry.isWriting) return false;
    if (!entry.isDirty) return true;
    if (this.#entries.size < MOST_AHEAD * this.most) return false;
    entry.isDirty = false;
    this.store.state.unwritten++;
    return true;
  }

  /** What is known of a client, with what other hosts counted. */
  view({ own, others }: CachedProfile): ProfileRecord {
    return others === null ? own : ProfileRecord.merged(others, own);
  }

  /** To be written. */
  changed(entry: CachedProfile): void {
    if (entry.isDirty) return;
    entry.isDirty = true;
    this.#dirty.push(entry);
  }

  /** Writes what changed. Rejects where the store can't; what was to be written stays to be. */
  async flush(): Promise<void> {
    // One that is under way may have passed what changed since; that it failed is told to who asked for it.
    await this.#flushing?.catch(() => {});
    this.#flushing ??= this.#writeAll().finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  async #writeAll(): Promise<void> {
    const dirty = this.#dirty.filter(({ isDirty }) => isDirty);
    this.#dirty = [];
    for (let from = 0; from < dirty.length; from += BATCH) {
      const batch = dirty.slice(from, from + BATCH).filter(({ isDirty }) => isDirty);
      for (const entry of batch) [entry.isDirty, entry.isWriting] = [false, true];
      try {
        const unread = batch.filter(({ isUnread }) => isUnread);
        await Promise.all(unread.map(async (entry) => this.#catchUp(entry, await this.#read(entry.client))));
        // Some may have been removed meanwhile.
        const there = batch.filter((entry) => this.#entries.get(entry.client) === entry);
        if (there.length > 0) await this.store.write(there.map(({ client, own }) => [client, own] as const));
      } catch (error) {
        for (const entry of batch) this.changed(entry);
        this.#dirty = this.#dirty.concat(dirty.slice(from + BATCH));
        throw error;
      } finally {
        for (const entry of batch) entry.isWriting = false;
      }
    }
  }

  #drop(client: string): boolean {
    const entry = this.#entries.get(client);
    this.#names.settle(client);
    if (entry === undefined) return false;
    entry.isDirty = false;
    this.#names.drop(entry.former);
    return this.#entries.delete(client);
  }

  /** A session of a client ended. */
  closed(entry: CachedProfile): void {
    entry.open = Math.max(0, entry.open - 1);
    if (entry.open === 0) this.#names.drop(entry.former.splice(0));
  }

  /** Removes those who were not seen since a time, ms since the epoch. Returns who that was. */
  async expire(before: number): Promise<string[]> {
    const gone = new Set(await this.store.expire(before));
    // Some stores forget by themselves.
    for (const [client, entry] of this.#entries) {
      const lastSeen = Math.max(entry.own.lastSeen, entry.others?.lastSeen ?? 0);
      if (entry.open === 0 && lastSeen < before) gone.add(client);
    }
    for (const client of gone) this.#drop(client);
    return [...gone];
  }

  /** Removes everything of clients. */
  async remove(clients: readonly string[]): Promise<void> {
    for (const client of clients) this.#drop(client);
    // What is being written would come back.
    await this.#flushing?.catch(() => {});
    await this.store.remove(clients);
  }

  /** A client has another name now, in the store as soon as that is there. What opened under the former one goes on counting. */
  async rename(from: string, to: string): Promise<void> {
    const present = this.#entries.get(to);
    if (!this.#entries.has(from) && present !== undefined && this.#isUpToDate(present)) return;
    this.#names.owe(from, to);
    await this.#move(from, to);
  }

  async #move(from: string, to: string): Promise<void> {
    await this.store.rename(from, to);
    this.#names.settle(to, from);
    this.#join(from, to);
  }

  /** What is at hand under a former name goes on under the present one. It has all that the store had of this host. */
  #join(from: string, to: string): void {
    const before = this.#entries.get(from);
    const present = this.#entries.get(to);
    if (before === undefined || present?.isUnread === false) return;
    this.#entries.delete(from);
    let joint = before;
    if (present === undefined) {
      before.client = to;
      this.#entries.set(to, before);
    } else {
      before.isDirty = false;
      const { own, others, isUnread, open, former, last } = before;
      Object.assign(present, { own: ProfileRecord.merged(own, present.own), others, isUnread });
      present.open += open;
      present.last ??= last;
      present.former.push(...former);
      joint = present;
    }
    if (joint.open > 0) joint.former.push(from);
    this.#names.lead(joint.former, to);
    this.changed(joint);
  }
}

import { readFile, writeFile } from 'node:fs/promises';
import { type ChainableCommander, Redis } from 'iovalkey';
import { ProfileRecord } from '../record/profile-record.js';
import { decodeRecord, encodeRecord, lastSeenOf, RecordError } from '../record/record-codec.js';
import { HostName } from './host-name.js';
import type { ProfileStore, StoredProfile, StoreState } from './profile-store.js';
import { connectionOptions, plainUrl } from './valkey-url.js';

const PROFILE = 'tidegate:profile:';
const DAMAGED = 'tidegate:damaged:';
const META = 'tidegate:meta:';
/** Clients that were removed, newest last: a host that was away learns of them when it is back. */
const REMOVED = 'tidegate:removed';
const MOST_REMOVED = 100_000;
/** Field of what the last writer says; the others are names of hosts. */
const LATEST = 'latest';
const CONNECT_TIMEOUT_MS = 3000;
const COMMAND_TIMEOUT_MS = 1000;
const MOST_RETRY_MS = 2000;
const SCAN = 500;
const NOTHING = new Uint8Array(0);

export interface ValkeyOptions {
  /** Sets this host's counts apart from the others'; 0: it has no number, and takes a name that is free. */
  hostId: number;
  /** ms after which a client that is not seen is dropped. */
  retentionMs: number;
  /** File that says up to which removal this host has heard, for the next time that it starts. */
  heard?: string;
  log(level: 'info' | 'warn', message: string, detail: Record<string, unknown>): void;
}

/**
 * Profiles that several hosts share, in Valkey (or Redis): a hash a client, in it a field of counts and sums for each host,
 * which only that host writes and who reads adds up, and one that the last writer sets. Nothing is lost where a client is on
 * two hosts, and a write that is done twice is done once.
 *
 * Where the server is not there, reads and writes reject; the profiler goes on with what it has and writes later.
 */
export class ValkeyStore implements ProfileStore {
  readonly state: StoreState = { kind: 'valkey', problem: 'connecting', damaged: 0, unwritten: 0 };
  onRemoved: (client: string) => boolean = () => false;
  readonly #redis: Redis;
  /** Waits for removals, which holds a connection. */
  readonly #listener: Redis;
  readonly #name: HostName;
  #closing = false;
  /** Up to which removal this host has heard; null: it is not known yet. */
  #lastRemoved: string | null = null;
  #listening: Promise<void> = Promise.resolve();

  private constructor(
    url: string,
    readonly options: ValkeyOptions,
  ) {
    const common = connectionOptions(CONNECT_TIMEOUT_MS, MOST_RETRY_MS);
    this.#redis = new Redis(url, { ...common, commandTimeout: COMMAND_TIMEOUT_MS });
    this.#name = new HostName(this.#redis, options.hostId, options.log);
    this.#listener = new Redis(url, common);
    this.#redis.on('error', (error: Error) => this.#lost(error.message));
    this.#redis.on('close', () => this.#lost('the connection ended'));
    this.#redis.on('ready', () => this.#found());
    this.#listener.on('error', () => {});
  }

  /** Connects. A server that is not there yet is waited for in the background. Throws TIDEGATE_E_STORE for a bad URL. */
  static async open(url: string, options: ValkeyOptions): Promise<ValkeyStore> {
    const store = new ValkeyStore(plainUrl(url), options);
    await store.#redis.connect().catch((error: Error) => store.#lost(error.message));
    return store;
  }

  #lost(reason: string): void {
    if (this.#closing) return;
    if (this.state.problem === null || this.state.problem === 'connecting') {
      this.options.log('warn', 'the profile store is not there: profiles that are known serve', { reason });
    }
    this.state.problem = reason;
  }

  #found(): void {
    if (this.state.problem !== null && this.state.problem !== 'connecting') {
      this.options.log('info', 'the profile store is there again', {});
    }
    this.state.problem = null;
  }

  follow(gone: (clients: readonly string[]) => Promise<void>): void {
    this.#listening = this.#listen(gone);
  }

  async #listen(gone: (clients: readonly string[]) => Promise<void>): Promise<void> {
    while (!this.#closing) {
      try {
        if (this.#listener.status === 'wait' || this.#listener.status === 'end') await this.#listener.connect();
        this.#lastRemoved ??= await this.#heardBefore();
        const found = await this.#listener.xread('COUNT', 1000, 'BLOCK', 1000, 'STREAMS', REMOVED, this.#lastRemoved);
        for (const [, entries] of found ?? []) await this.#removed(entries, gone);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  async #removed(
    entries: [id: string, fields: string[]][],
    gone: (clients: readonly string[]) => Promise<void>,
  ): Promise<void> {
    for (const [, [, client]] of entries) {
      // Written here after it was removed there.
      if (this.onRemoved(client)) await this.#redis.hdel(PROFILE + client, await this.#name.get(), LATEST);
    }
    await gone(entries.map(([, [, client]]) => client));
    const [last] = entries[entries.length - 1];
    this.#lastRemoved = last;
    // Where it can't be written the next start hears more than it has to.
    if (this.options.heard !== undefined) await writeFile(this.options.heard, last).catch(() => {});
  }

  /** The removal up to which this host has heard; the first of all where that is not known. */
  async #heardBefore(): Promise<string> {
    const kept = this.options.heard === undefined ? '' : await readFile(this.options.heard, 'utf8').catch(() => '');
    return /^\d+-\d+$/.test(kept) ? kept : '0';
  }

  async read(client: string): Promise<StoredProfile | null> {
    const name = await this.#name.get();
    const fields = await this.#fieldsOf(client);
    const own = new ProfileRecord();
    let others: ProfileRecord | null = null;
    let found = false;
    // What the last writer said goes under each of the parts.
    for (const [field, bytes] of Object.entries(fields)) {
      try {
        if (field === name || field === LATEST) decodeRecord(bytes, own);
        else {
          const other = decodeRecord(bytes);
          others = others === null ? other : ProfileRecord.merged(others, other);
        }
        found = true;
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        this.state.damaged++;
        await this.#moveAside(client, field, bytes);
      }
    }
    return found ? { own, others } : null;
  }

  async #fieldsOf(client: string): Promise<Record<string, Buffer>> {
    try {
      return await this.#redis.hgetallBuffer(PROFILE + client);
    } catch (error) {
      if (!isOtherKind(error)) throw error;
      await this.#moveKeyAside(client);
      return {};
    }
  }

  /** Another program wrote under the name of a profile what is none. */
  async #moveKeyAside(client: string): Promise<void> {
    this.state.damaged++;
    await this.#redis.rename(PROFILE + client, DAMAGED + client);
    await this.#redis.pexpire(DAMAGED + client, this.options.retentionMs);
  }

  async #moveAside(client: string, field: string, bytes: Buffer): Promise<void> {
    await this.#redis
      .pipeline()
      .hset(DAMAGED + client, field, bytes)
      .pexpire(DAMAGED + client, this.options.retentionMs)
      .hdel(PROFILE + client, field)
      .exec();
  }

  async write(records: readonly (readonly [string, ProfileRecord])[]): Promise<void> {
    const name = await this.#name.get();
    const pipeline = this.#redis.pipeline();
    for (const [client, record] of records) {
      const key = PROFILE + client;
      pipeline.hset(key, name, encodeRecord(record, 'counts'), LATEST, encodeRecord(record, 'latest'));
      pipeline.pexpire(key, this.options.retentionMs);
    }
    const errors = await errorsOf(pipeline);
    const unwritten = records.filter((_, i) => isOtherKind(errors[2 * i]));
    for (const [client] of unwritten) await this.#moveKeyAside(client);
    throwFirst(errors.filter((error) => !isOtherKind(error)));
    if (unwritten.length > 0) await this.write(unwritten);
  }

  async remove(clients: readonly string[]): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const client of clients) {
      pipeline.del(PROFILE + client, DAMAGED + client);
      pipeline.xadd(REMOVED, 'MAXLEN', '~', MOST_REMOVED, '*', 'client', client);
    }
    await succeed(pipeline);
  }

  async rename(from: string, to: string): Promise<boolean> {
    try {
      if ((await this.#redis.renamenx(PROFILE + from, PROFILE + to)) === 0) await this.#join(from, to);
      return true;
    } catch (error) {
      // There is none of that name.
      if (/no such key/i.test((error as Error).message)) return false;
      throw error;
    }
  }

  /** Of what hosts wrote under two keys the later goes on under the second. */
  async #join(from: string, to: string): Promise<void> {
    const [before, present] = await Promise.all([from, to].map(async (client) => await this.#fieldsOf(client)));
    const pipeline = this.#redis.pipeline();
    for (const [field, bytes] of Object.entries(before)) {
      if (lastSeenOf(bytes) > lastSeenOf(present[field] ?? NOTHING)) pipeline.hset(PROFILE + to, field, bytes);
    }
    pipeline.del(PROFILE + from);
    await succeed(pipeline);
  }

  /** The server does it by itself. */
  async expire(): Promise<string[]> {
    return [];
  }

  async *clients(): AsyncGenerator<string> {
    let cursor = '0';
    do {
      const [next, keys] = await this.#redis.scan(cursor, 'MATCH', `${PROFILE}*`, 'COUNT', SCAN);
      cursor = next;
      for (const key of keys) yield key.slice(PROFILE.length);
    } while (cursor !== '0');
  }

  async readMeta(name: string): Promise<Uint8Array | null> {
    return await this.#metaKey(name)
      .then((key) => this.#redis.getBuffer(key))
      .catch(() => null);
  }

  async writeMeta(name: string, bytes: Uint8Array): Promise<void> {
    await this.#redis.set(await this.#metaKey(name), Buffer.from(bytes));
  }

  async #metaKey(name: string): Promise<string> {
    return `${META}${await this.#name.get()}:${name}`;
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#listener.disconnect();
    await this.#name.release();
    this.#redis.disconnect();
    await this.#listening;
  }
}

/** What the commands of a pipeline failed by, in their order; null: it did not. */
async function errorsOf(pipeline: ChainableCommander): Promise<(Error | null)[]> {
  return ((await pipeline.exec()) ?? []).map(([error]) => error);
}

function throwFirst(errors: readonly (Error | null)[]): void {
  const first = errors.find((error) => error !== null);
  if (first) throw first;
}

/** Rejects where one of its commands fails. */
async function succeed(pipeline: ChainableCommander): Promise<void> {
  throwFirst(await errorsOf(pipeline));
}

/** A key holds another kind of value than a profile's. */
function isOtherKind(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}

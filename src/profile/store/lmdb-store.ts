import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { TidegateError } from '../../quic/errors.js';
import type { ProfileRecord } from '../record/profile-record.js';
import { decodeRecord, encodeRecord, lastSeenOf, RecordError, SCHEMA_VERSION } from '../record/record-codec.js';
import { objectionToFile } from './lmdb-file.js';
import type { ProfileStore, StoredProfile, StoreState } from './profile-store.js';

/** Records that are looked at between two turns of the event loop. */
const SLICE = 2000;
const FILE = /^profiles\.(\d+)\.mdb$/;

interface Environment {
  root: RootDatabase<Buffer, string>;
  profiles: Database<Buffer, string>;
  meta: Database<Buffer, string>;
  /** Records that could not be read, as they were. */
  damaged: Database<Buffer, string>;
  path: string;
}

/**
 * Profiles in an LMDB file of the data folder: memory-mapped, so that reads answer at once and the page cache is the cache.
 * A commit is whole or not at all, whenever the process ends.
 *
 * LMDB leaves the bytes of what is removed in pages that are free. So after a removal the file is copied without them, and
 * the copy takes its place.
 */
export class LmdbStore implements ProfileStore {
  readonly state: StoreState = { kind: 'lmdb', problem: null, damaged: 0, unwritten: 0 };
  onRemoved: (client: string) => boolean = () => false;
  #environment: Environment;
  #generation: number;
  /** Writes and copies, one behind the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #scrub: Promise<void> | null = null;

  private constructor(
    readonly folder: string,
    environment: Environment,
    generation: number,
  ) {
    this.#environment = environment;
    this.#generation = generation;
  }

  /** Opens, or makes. Throws TIDEGATE_E_STORE. The caller holds the folder (FolderLock). */
  static async open(folder: string): Promise<LmdbStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const generations = (await readdir(folder)).flatMap((name) => {
      const match = FILE.exec(name);
      return match === null ? [] : [Number(match[1])];
    });
    const generation = Math.max(1, ...generations);
    try {
      const objection = await objectionToFile(pathOf(folder, generation));
      if (objection !== null) throw new Error(objection);
      const environment = openEnvironment(folder, generation);
      const store = new LmdbStore(folder, environment, generation);
      await store.#checkSchema();
      await removeOthers(folder, generation);
      return store;
    } catch (cause) {
      if (cause instanceof TidegateError) throw cause;
      throw new TidegateError('TIDEGATE_E_STORE', `can't use the profiles in ${folder}: ${(cause as Error).message}`, {
        hint: 'mend the folder, or move it away to begin anew',
        cause,
      });
    }
  }

  async #checkSchema(): Promise<void> {
    const { meta, path } = this.#environment;
    const version = meta.get('schema')?.readUInt8() ?? 0;
    if (version > SCHEMA_VERSION) {
      await this.#environment.root.close();
      throw new TidegateError(
        'TIDEGATE_E_STORE',
        `${path} is of schema ${version}, this host knows ${SCHEMA_VERSION}`,
        {
          hint: 'a later version of Tidegate wrote it: run that one',
        },
      );
    }
    // Older records are read as they are and written anew when their clients come.
    if (version < SCHEMA_VERSION) await meta.put('schema', Buffer.of(SCHEMA_VERSION));
  }

  get size(): number {
    return (this.#environment.profiles.getStats() as { entryCount: number }).entryCount;
  }

  read(client: string): StoredProfile | null {
    const lent = this.#environment.profiles.getBinaryFast(client);
    if (lent === undefined) return null;
    // It is longer than its length says, which Node 24 does not look at where an end is not given.
    const bytes = lent.subarray(0, lent.length);
    try {
      return { own: decodeRecord(bytes), others: null };
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      this.#moveAside(client, Buffer.from(bytes));
      return null;
    }
  }

  /** A record that can't be read goes where it harms nobody, and the client begins anew. */
  #moveAside(client: string, bytes: Buffer): void {
    this.state.damaged++;
    void this.#inTurn(async () => {
      const { damaged, profiles, root } = this.#environment;
      await root.transaction(() => {
        damaged.put(client, bytes);
        profiles.remove(client);
      });
    }).catch((error: Error) => this.#failed(error));
  }

  async write(records: readonly (readonly [string, ProfileRecord])[]): Promise<void> {
    await this.#inTurn(async () => {
      try {
        const { root, profiles } = this.#environment;
        await root.transaction(() => {
          for (const [client, record] of records) profiles.put(client, encodeRecord(record));
        });
        this.state.problem = null;
      } catch (error) {
        throw this.#failed(error as Error);
      }
    });
  }

  #failed(error: Error): TidegateError {
    this.state.problem = error.message;
    return new TidegateError('TIDEGATE_E_STORE', `can't write to ${this.#environment.path}: ${error.message}`, {
      hint: 'is the disk full?',
      cause: error,
    });
  }

  async remove(clients: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      const { root, profiles, damaged } = this.#environment;
      await root.transaction(() => {
        for (const client of clients) {
          profiles.remove(client);
          damaged.remove(client);
        }
      });
    });
    await this.#scrubbed();
  }

  /** Copies what there is to a new file. Who asks while one is about to begin waits for that. */
  #scrubbed(): Promise<void> {
    this.#scrub ??= this.#inTurn(async () => {
      this.#scrub = null;
      const before = this.#environment;
      const generation = this.#generation + 1;
      const aside = join(this.folder, `profiles.${generation}.copying`);
      await rm(aside, { recursive: true, force: true });
      await before.root.backup(aside, true);
      await rename(aside, pathOf(this.folder, generation));
      this.#environment = openEnvironment(this.folder, generation);
      this.#generation = generation;
      await before.root.close();
      await removeOthers(this.folder, generation);
    });
    return this.#scrub;
  }

  async rename(from: string, to: string): Promise<boolean> {
    // As a rule there is none, and a transaction would be for nothing.
    if (!this.#environment.profiles.doesExist(from)) return false;
    return await this.#inTurn(async () => {
      const { root, profiles } = this.#environment;
      return await root.transaction(() => {
        const bytes = profiles.getBinary(from);
        if (bytes === undefined) return false;
        const present = profiles.getBinary(to);
        if (present === undefined || lastSeenOf(bytes) > lastSeenOf(present)) profiles.put(to, bytes);
        profiles.remove(from);
        return true;
      });
    });
  }

  /** There is nobody else: the folder is locked. */
  follow(): void {}

  async expire(before: number): Promise<string[]> {
    const old: string[] = [];
    let seen = 0;
    for (const { key, value } of this.#environment.profiles.getRange({ snapshot: false })) {
      if (lastSeenOf(value) < before) old.push(key);
      if (++seen % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (old.length > 0) await this.remove(old);
    return old;
  }

  async *clients(): AsyncGenerator<string> {
    yield* this.#environment.profiles.getKeys({ snapshot: false });
  }

  async readMeta(name: string): Promise<Uint8Array | null> {
    return this.#environment.meta.get(`m.${name}`) ?? null;
  }

  async writeMeta(name: string, bytes: Uint8Array): Promise<void> {
    await this.#inTurn(async () => {
      await this.#environment.meta.put(`m.${name}`, Buffer.from(bytes));
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#environment.root.close();
    });
  }
}

function pathOf(folder: string, generation: number): string {
  return join(folder, `profiles.${generation}.mdb`);
}

function openEnvironment(folder: string, generation: number): Environment {
  const path = pathOf(folder, generation);
  const root = open<Buffer, string>({ path, noSubdir: true, maxDbs: 4, encoding: 'binary', noMemInit: false });
  const inside = (name: string) => root.openDB<Buffer, string>({ name, encoding: 'binary' });
  return { root, path, profiles: inside('profiles'), meta: inside('meta'), damaged: inside('damaged') };
}

/** Removes files of other generations, and copies that were broken off. */
async function removeOthers(folder: string, generation: number): Promise<void> {
  const mine = `profiles.${generation}.mdb`;
  for (const name of await readdir(folder)) {
    if (name.startsWith('profiles.') && !name.startsWith(mine)) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

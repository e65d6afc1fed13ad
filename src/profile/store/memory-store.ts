import type { ProfileRecord } from '../record/profile-record.js';
import type { ProfileStore, StoredProfile, StoreState } from './profile-store.js';

/** Keeps records for as long as the process lives. */
export class MemoryStore implements ProfileStore {
  readonly state: StoreState = { kind: 'memory', problem: null, damaged: 0, unwritten: 0 };
  onRemoved: (client: string) => boolean = () => false;
  readonly #records = new Map<string, ProfileRecord>();
  readonly #meta = new Map<string, Uint8Array>();

  /** @param most records that are kept: the one written longest ago gives way. */
  constructor(readonly most = 100_000) {}

  read(client: string): StoredProfile | null {
    const own = this.#records.get(client);
    return own === undefined ? null : { own, others: null };
  }

  async write(records: readonly (readonly [string, ProfileRecord])[]): Promise<void> {
    for (const [client, record] of records) {
      this.#records.delete(client);
      this.#records.set(client, record);
    }
    for (const client of this.#records.keys()) {
      if (this.#records.size <= this.most) return;
      this.#records.delete(client);
    }
  }

  async remove(clients: readonly string[]): Promise<void> {
    for (const client of clients) this.#records.delete(client);
  }

  async rename(from: string, to: string): Promise<boolean> {
    const record = this.#records.get(from);
    if (record === undefined) return false;
    this.#records.delete(from);
    const present = this.#records.get(to);
    if (present === undefined || record.lastSeen > present.lastSeen) this.#records.set(to, record);
    return true;
  }

  async expire(before: number): Promise<string[]> {
    const old = [...this.#records].filter(([, { lastSeen }]) => lastSeen < before).map(([client]) => client);
    await this.remove(old);
    return old;
  }

  async *clients(): AsyncGenerator<string> {
    yield* this.#records.keys();
  }

  async readMeta(name: string): Promise<Uint8Array | null> {
    return this.#meta.get(name) ?? null;
  }

  async writeMeta(name: string, bytes: Uint8Array): Promise<void> {
    this.#meta.set(name, bytes);
  }

  /** There is nobody else. */
  follow(): void {}

  async close(): Promise<void> {}
}

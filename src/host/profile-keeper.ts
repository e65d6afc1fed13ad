import { join } from 'node:path';
import { BehavioralProfiler, type Profiler } from '../profile/behavioral-profiler.js';
import { FolderLock } from '../profile/store/folder-lock.js';
import { LmdbStore } from '../profile/store/lmdb-store.js';
import { MemoryStore } from '../profile/store/memory-store.js';
import type { ProfileStore } from '../profile/store/profile-store.js';
import type { HostConfig } from './config.js';
import type { Log } from './prediction/messages.js';

const DAY_MS = 86_400_000;
/** What changed is written so often: with the time that takes, within a second. */
const FLUSH_MS = 250;
const EXPIRE_MS = 3_600_000;

/** Opens the store that a configuration names. */
export async function openStore(
  { store, dataDir, hostId, retention, maxProfiles }: HostConfig,
  log: Log,
): Promise<ProfileStore> {
  if (store === 'memory') return new MemoryStore(maxProfiles * 5);
  if (store === 'lmdb') return await LmdbStore.open(join(dataDir, 'profiles'));
  // Its client takes a while to load: only who has one waits.
  const { ValkeyStore } = await import('../profile/store/valkey-store.js');
  const heard = join(dataDir, 'removals-heard');
  return await ValkeyStore.open(store, { hostId, retentionMs: retention * DAY_MS, heard, log });
}

/** The profiles of a running host: their store, and what is done with it from time to time. */
export class ProfileKeeper {
  readonly #timers: NodeJS.Timeout[] = [];
  #isFailing = false;
  /**
   * Called with clients that are forgotten as they were not seen since `before`, ms since the epoch: there may be more of them
   * elsewhere, and of such that no store names any more.
   */
  onExpired: (clients: readonly string[], before: number) => Promise<void> = async () => {};

  private constructor(
    readonly profiler: Profiler,
    readonly lock: FolderLock | null,
    readonly log: Log,
    readonly retentionMs: number,
  ) {
    this.#timers.push(
      setInterval(() => void this.#flush(), FLUSH_MS),
      setInterval(() => void this.expire(), EXPIRE_MS),
    );
    for (const timer of this.#timers) timer.unref();
  }

  /** Throws TIDEGATE_E_STORE, TIDEGATE_E_LOCKED. @param given profiles that are kept elsewhere. */
  static async open(config: HostConfig, given: Profiler | null, log: Log): Promise<ProfileKeeper> {
    const lock = config.store === 'memory' ? null : await FolderLock.take(config.dataDir);
    try {
      const { maxProfiles, retention, prediction } = config;
      const options = { maxProfiles, learnsOpenings: prediction.openings === 'learned' };
      const profiler = given ?? (await BehavioralProfiler.open(options, await openStore(config, log)));
      return new ProfileKeeper(profiler, lock, log, retention * DAY_MS);
    } catch (error) {
      await lock?.release();
      throw error;
    }
  }

  async #flush(): Promise<void> {
    try {
      await this.profiler.flush();
      if (this.#isFailing) this.log('info', 'profiles are written again', {});
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        this.log('error', 'profiles are not written; they stay in memory', { error: (error as Error).message });
      }
      this.#isFailing = true;
    }
  }

  /** Removes clients that were not seen for the retention. */
  async expire(now = Date.now()): Promise<void> {
    try {
      const before = now - this.retentionMs;
      const gone = await this.profiler.expire(before);
      await this.onExpired(gone, before);
      if (gone.length === 0) return;
      this.log('info', 'clients that were not seen for long are forgotten', { clients: gone.length });
    } catch (error) {
      this.log('error', 'clients that were not seen for long are not forgotten', { error: (error as Error).message });
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    try {
      await this.profiler.close();
    } catch (error) {
      this.log('error', 'the last profiles are not written', { error: (error as Error).message });
    }
    await this.lock?.release();
  }
}

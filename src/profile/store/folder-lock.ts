import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TidegateError } from '../../quic/errors.js';

const NAME = 'host.lock';
/** ms that it takes at most to write a lock. */
const WRITTEN_MS = 100;

/** Folders that this process holds: its own ID in a lock says nothing of which of its hosts has it. */
const held = new Set<string>();

/** When a process started, in clock ticks since the boot; null where that can't be told. Two with one ID differ in it. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold spaces: the 22nd field is the 20th behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return null;
  }
}

function isAlive(pid: number, start: string | null): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return start === null || startOf(pid) === null || startOf(pid) === start;
}

function locked(folder: string, holder: number): TidegateError {
  return new TidegateError('TIDEGATE_E_LOCKED', `the data folder ${folder} is held by process ${holder}`, {
    hint: 'one host a folder: give another with --data-dir, or stop that one',
  });
}

/** Holds a data folder for one host. A lock whose process is gone, by kill -9 too, counts for nothing. */
export class FolderLock {
  private constructor(
    readonly folder: string,
    readonly path: string,
  ) {}

  /** Throws TIDEGATE_E_LOCKED where another has it. */
  static async take(folder: string): Promise<FolderLock> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(resolve(folder), NAME);
    if (held.has(path)) throw locked(folder, process.pid);
    held.add(path);
    try {
      while (!(await FolderLock.#place(folder, path))) {
        let holder = await FolderLock.holderOf(folder);
        if (holder === null) {
          // Whoever made it may not have written it yet.
          await sleep(WRITTEN_MS);
          holder = await FolderLock.holderOf(folder);
        }
        // One of this process is left of an earlier life: in a container each is process 1.
        if (holder !== null && holder !== process.pid) throw locked(folder, holder);
        await rm(path, { force: true });
      }
    } catch (error) {
      held.delete(path);
      throw error;
    }
    return new FolderLock(folder, path);
  }

  /** Resolves with false where there is one. */
  static async #place(folder: string, path: string): Promise<boolean> {
    const text = JSON.stringify({ pid: process.pid, start: startOf(process.pid) });
    try {
      await writeFile(path, text, { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw new TidegateError('TIDEGATE_E_STORE', `can't write to ${folder}: ${(error as Error).message}`, {
        hint: 'give another folder with --data-dir',
        cause: error,
      });
    }
  }

  /** The process that holds a folder; null where none does. */
  static async holderOf(folder: string): Promise<number | null> {
    try {
      const { pid, start } = JSON.parse(await readFile(join(folder, NAME), 'utf8')) as {
        pid: number;
        start: string | null;
      };
      return isAlive(pid, start) ? pid : null;
    } catch {
      return null;
    }
  }

  async release(): Promise<void> {
    await rm(this.path, { force: true });
    held.delete(this.path);
  }
}

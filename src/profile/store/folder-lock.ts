import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TidegateError } from '../../quic/errors.js';

const NAME = 'host.lock';

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

/** Holds a data folder for one host. A lock whose process is gone, by kill -9 too, counts for nothing. */
export class FolderLock {
  private constructor(
    readonly folder: string,
    readonly path: string,
  ) {}

  /** Throws TIDEGATE_E_LOCKED where another has it. */
  static async take(folder: string): Promise<FolderLock> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, NAME);
    const text = JSON.stringify({ pid: process.pid, start: startOf(process.pid) });
    for (;;) {
      try {
        const file = await open(path, 'wx', 0o600);
        await file.writeFile(text);
        await file.close();
        held.add(path);
        return new FolderLock(folder, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
          throw new TidegateError('TIDEGATE_E_STORE', `can't write to ${folder}: ${(error as Error).message}`, {
            hint: 'give another folder with --data-dir',
            cause: error,
          });
        }
      }
      await FolderLock.#removeStale(folder, path);
    }
  }

  static async #removeStale(folder: string, path: string): Promise<void> {
    const holder = await FolderLock.holderOf(folder);
    if (holder !== null && (holder !== process.pid || held.has(path))) {
      throw new TidegateError('TIDEGATE_E_LOCKED', `the data folder ${folder} is held by process ${holder}`, {
        hint: 'one host a folder: give another with --data-dir, or stop that one',
      });
    }
    await rm(path, { force: true });
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
    held.delete(this.path);
    await rm(this.path, { force: true });
  }
}

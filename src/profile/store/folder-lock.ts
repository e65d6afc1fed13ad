import { constants, readFileSync, rmSync } from 'node:fs';
import { access, mkdir, open, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TidegateError } from '../../quic/errors.js';

const NAME = 'host.lock';
/** ms that it takes at most to write a lock. */
const WRITTEN_MS = 100;
/** ms between two signs of life of who holds a folder, and how many of them one of another machine or container may miss. */
const BEAT_MS = 4000;
const MOST_MISSED = 3;

/** Folders that this process holds, or is about to: its own ID in a lock says nothing of which of its hosts has it. */
const held = new Set<string>();
/** Locks that are its own. */
const locks = new Set<string>();

// Whoever else is given the folder, in another container, would have to wait for a sign of life.
process.on('exit', () => {
  for (const path of locks) rmSync(path, { force: true });
});

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

/** What a lock says. */
interface Holder {
  pid: number;
  start: string | null;
  /** Where its process number means something. */
  host?: string;
}

async function read(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return null;
  }
}

function isElsewhere({ host }: Holder): boolean {
  return host !== undefined && host !== hostname();
}

/** When a file was touched last; opened, as network file systems look again only then. 0: it is gone. */
async function touchedAt(path: string): Promise<number> {
  try {
    const file = await open(path);
    try {
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  } catch {
    return 0;
  }
}

function isAlive({ pid, start }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return start === null || startOf(pid) === null || startOf(pid) === start;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_DATA_DIR', `the data folder is of no use: ${(cause as Error).message}`, {
      hint: 'give a folder that can be written with --data-dir',
      cause,
    });
  }
}

function locked(folder: string, { pid, host = hostname() }: Holder): TidegateError {
  const place = host === hostname() ? '' : ` of ${host}`;
  return new TidegateError('TIDEGATE_E_LOCKED', `the data folder ${folder} is held by process ${pid}${place}`, {
    hint: 'one host a folder: give another with --data-dir, or stop that one',
  });
}

/**
 * Holds a data folder for one host. A lock whose process is gone, by kill -9 too, counts for nothing; of one on another machine, or in
 * another container, that is known by its signs of life alone.
 */
export class FolderLock {
  readonly #beat: NodeJS.Timeout;

  private constructor(
    readonly folder: string,
    readonly path: string,
    beatMs: number,
  ) {
    locks.add(path);
    this.#beat = setInterval(() => {
      const now = new Date();
      utimes(path, now, now).catch(() => {});
    }, beatMs);
    this.#beat.unref();
  }

  /** Throws TIDEGATE_E_LOCKED where another has it. */
  static async take(folder: string, beatMs = BEAT_MS): Promise<FolderLock> {
    await makeFolder(folder);
    const path = join(resolve(folder), NAME);
    if (held.has(path)) throw locked(folder, { pid: process.pid, start: null });
    held.add(path);
    try {
      while (!(await FolderLock.#place(folder, path))) {
        // Whoever made it may not have written it yet.
        if ((await read(path)) === null) await sleep(WRITTEN_MS);
        const holder = await read(path);
        if (holder !== null && (await FolderLock.#isHeld(holder, path, beatMs))) throw locked(folder, holder);
        await rm(path, { force: true });
      }
    } catch (error) {
      held.delete(path);
      throw error;
    }
    return new FolderLock(folder, path, beatMs);
  }

  static async #isHeld(holder: Holder, path: string, beatMs: number): Promise<boolean> {
    // One of this process is left of an earlier life: in a container each is process 1.
    if (!isElsewhere(holder)) return holder.pid !== process.pid && isAlive(holder);
    const before = await touchedAt(path);
    for (let missed = 0; missed < MOST_MISSED; missed++) {
      await sleep(beatMs);
      const now = await touchedAt(path);
      if (now !== before) return now !== 0;
    }
    return false;
  }

  /** Resolves with false where there is one. */
  static async #place(folder: string, path: string): Promise<boolean> {
    const holder: Holder = { pid: process.pid, start: startOf(process.pid), host: hostname() };
    try {
      await writeFile(path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw new TidegateError('TIDEGATE_E_STORE', `can't write to ${folder}: ${(error as Error).message}`, {
        hint: 'give another folder with --data-dir',
        cause: error,
      });
    }
  }

  /** The process that holds a folder, as far as can be told at once; null where none does. */
  static async holderOf(folder: string): Promise<number | null> {
    const holder = await read(join(folder, NAME));
    return holder !== null && (isElsewhere(holder) || isAlive(holder)) ? holder.pid : null;
  }

  async release(): Promise<void> {
    clearInterval(this.#beat);
    locks.delete(this.path);
    await rm(this.path, { force: true });
    held.delete(this.path);
  }
}

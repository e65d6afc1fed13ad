import { appendFile, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../predict/store/atomic-file.js';

/** Bytes of a file, from which on another is begun, and of all: what is oldest gives way. */
const MOST_FILE = 64 * 2 ** 20;
const MOST_ALL = 2 ** 30;
/** Characters that are written at once where a file is written anew. */
const CHUNK = 65_536;

interface DayFile {
  path: string;
  day: string;
  part: number;
}

/** `<day>.jsonl`, `<day>-2.jsonl`, …: by day (UTC), oldest first. */
async function filesIn(folder: string): Promise<DayFile[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name): DayFile[] => {
      const [, day, part = '1'] = /^(\d{4}-\d\d-\d\d)(?:-(\d+))?\.jsonl$/.exec(name) ?? [];
      return day === undefined ? [] : [{ path: join(folder, name), day, part: Number(part) }];
    })
    .sort((a, b) => (a.day === b.day ? a.part - b.part : a.day < b.day ? -1 : 1));
}

/** The lines of a file, a piece of it at a time: there may be millions. One that went meanwhile has none. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return;
  try {
    for await (const line of file.readLines()) if (line !== '') yield line;
  } finally {
    await file.close();
  }
}

/** The lines of a folder, oldest first. */
export async function* linesIn(folder: string): AsyncGenerator<string> {
  for (const { path } of await filesIn(folder)) yield* linesOf(path);
}

/** A folder of lines, in files by day and of so many bytes at most, and of so many bytes in all. Who calls waits for one before the next. */
export class DecisionFiles {
  /** A process that was killed may have left half a line: the first of ours begins on one of its own. */
  #start = '\n';

  constructor(
    readonly folder: string,
    readonly most: { file: number; all: number } = { file: MOST_FILE, all: MOST_ALL },
  ) {}

  async append(lines: readonly string[], day: string): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const last = (await filesIn(this.folder)).filter((file) => file.day === day).at(-1);
    let part = last?.part ?? 1;
    if (last !== undefined && (await stat(last.path)).size >= this.most.file) part++;
    const path = join(this.folder, part === 1 ? `${day}.jsonl` : `${day}-${part}.jsonl`);
    await appendFile(path, `${this.#start}${lines.join('\n')}\n`);
    this.#start = '';
  }

  /** Removes what is of before a day, and the oldest where there is too much. */
  async prune(oldest: string): Promise<void> {
    let bytes = 0;
    const newestFirst = (await filesIn(this.folder)).reverse();
    for (const { path, day } of newestFirst) {
      bytes += (await stat(path)).size;
      // Lines are added to the newest.
      if (day < oldest || (bytes > this.most.all && path !== newestFirst[0].path)) await rm(path);
    }
  }

  /** Writes files anew that have such lines, without them. */
  async remove(isGone: (line: string) => boolean): Promise<void> {
    for (const { path } of await filesIn(this.folder)) {
      let has = false;
      for await (const line of linesOf(path)) {
        has = isGone(line);
        if (has) break;
      }
      if (has) await writeAtomically(path, without(path, isGone));
    }
  }
}

/** A file without such lines, in pieces. */
async function* without(path: string, isGone: (line: string) => boolean): AsyncGenerator<string> {
  let kept = '';
  for await (const line of linesOf(path)) {
    if (isGone(line)) continue;
    kept += `${line}\n`;
    if (kept.length < CHUNK) continue;
    yield kept;
    kept = '';
  }
  yield kept;
}

import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from './atomic-file.js';
import { decodeSequence, encodeSequence, kindOf, type ReplaySequence } from './replay-sequence.js';

const HOUR_MS = 3_600_000;
/** Sequences that stay as they are, to hold every new model against. */
const REFERENCE = 48;
/** Sequences that there have to be before some are set aside. */
const REFERENCE_FROM = 150;
/** Where those are, in the store's folder. */
const REFERENCE_FOLDER = 'reference';

interface Entry {
  file: string;
  startedAt: number;
  kind: string;
  client: string;
}

/** `<ms since the epoch>.<kind>.<client>.<number>.seq`: what has to be known of a sequence without reading it. */
function entryOf(file: string): Entry | null {
  const match = /^(\d+)\.(streaming|transactional|control)\.([\w-]+)\.\w+\.seq$/.exec(file);
  return match === null ? null : { file, startedAt: Number(match[1]), kind: match[2], client: match[3] };
}

/** How long ago, in classes that double: the last hour, the two before it, and so on. */
function ageClass(startedAt: number, now: number): number {
  return Math.floor(Math.log2(Math.max(1, (now - startedAt) / HOUR_MS)));
}

/**
 * A bounded store of sequences, a file each. Where it is full a random one of the fullest class goes, the classes being kinds
 * of client and ages that double: a reservoir over time and kinds, in which the last hour's crowd pushes out itself.
 */
export class ReplayStore {
  #entries: Entry[] = [];
  #number = 0;
  /** Files that are being written. */
  readonly #writing = new Set<Promise<void>>();

  private constructor(
    readonly folder: string,
    readonly most: number,
  ) {}

  static async open(folder: string, most: number): Promise<ReplayStore> {
    await mkdir(folder, { recursive: true });
    const store = new ReplayStore(folder, most);
    store.#entries = (await readdir(folder)).flatMap((file) => entryOf(file) ?? []);
    return store;
  }

  get size(): number {
    return this.#entries.length;
  }

  async add(sequence: ReplaySequence, now: number): Promise<void> {
    const kind = kindOf(sequence);
    const { startedAt, client } = sequence;
    const file = `${Math.round(startedAt)}.${kind}.${client}.${process.pid.toString(36)}${(this.#number++).toString(36)}.seq`;
    const writing = writeAtomically(join(this.folder, file), encodeSequence(sequence));
    this.#writing.add(writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(writing);
    }
    this.#entries.push({ file, startedAt, kind, client });
    while (this.#entries.length > this.most) await this.#evict(now);
  }

  async #evict(now: number): Promise<void> {
    const classes = new Map<string, number[]>();
    this.#entries.forEach(({ kind, startedAt }, i) => {
      const name = `${kind} ${ageClass(startedAt, now)}`;
      const members = classes.get(name);
      if (members === undefined) classes.set(name, [i]);
      else members.push(i);
    });
    const fullest = [...classes.values()].reduce((most, members) => (members.length > most.length ? members : most));
    const [entry] = this.#entries.splice(fullest[Math.floor(Math.random() * fullest.length)], 1);
    await rm(join(this.folder, entry.file), { force: true });
  }

  /** All sequences by time, and how many files could not be read. */
  async read(): Promise<{ sequences: ReplaySequence[]; damaged: number }> {
    return await readFolder(this.folder);
  }

  /**
   * Sequences that no model is trained on and every new one is held against: some of all classes, set aside once there are
   * enough. Empty before.
   */
  async reference(): Promise<ReplaySequence[]> {
    const folder = join(this.folder, REFERENCE_FOLDER);
    const before = await readFolder(folder).catch(() => null);
    if (before !== null && before.sequences.length > 0) return before.sequences;
    if (this.size < REFERENCE_FROM) return [];
    const sorted = [...this.#entries].sort((a, b) =>
      a.kind === b.kind ? a.startedAt - b.startedAt : a.kind < b.kind ? -1 : 1,
    );
    const chosen = Array.from({ length: REFERENCE }, (_, i) => sorted[Math.floor((i * sorted.length) / REFERENCE)]);
    await mkdir(folder, { recursive: true });
    for (const { file } of chosen) {
      // One that went meanwhile is missed by nobody.
      await rename(join(this.folder, file), join(folder, file)).catch(() => {});
    }
    this.#entries = this.#entries.filter((entry) => !chosen.includes(entry));
    return (await readFolder(folder)).sequences;
  }

  /** Takes away everything of clients, and what began before a time, ms since the epoch. */
  async forget(clients: readonly string[], before = 0): Promise<void> {
    await Promise.allSettled(this.#writing);
    await removeSequences(this.folder, clients, before);
    const gone = new Set(clients);
    this.#entries = this.#entries.filter(({ client, startedAt }) => !gone.has(client) && startedAt >= before);
  }
}

/** Files of clients in a folder of sequences, and such that began before a time; those set aside too. */
export async function sequenceFiles(folder: string, clients: readonly string[], before = 0): Promise<string[]> {
  const wanted = new Set(clients);
  const isWanted = (file: string): boolean => {
    // Also what was not in place yet when whoever wrote it was killed.
    const entry = entryOf(file.replace(/\.[0-9a-f]+\.new$/, ''));
    return entry !== null && (wanted.has(entry.client) || entry.startedAt < before);
  };
  const found: string[] = [];
  for (const part of ['', REFERENCE_FOLDER]) {
    const files = await readdir(join(folder, part)).catch(() => []);
    found.push(...files.filter(isWanted).map((file) => join(part, file)));
  }
  return found;
}

/** Takes away everything of clients from a folder of sequences, and what began before a time, ms since the epoch. */
export async function removeSequences(folder: string, clients: readonly string[], before = 0): Promise<void> {
  // Until there is none: a trainer may be moving some.
  for (;;) {
    const files = await sequenceFiles(folder, clients, before);
    if (files.length === 0) return;
    for (const file of files) await rm(join(folder, file), { force: true });
  }
}

async function readFolder(folder: string): Promise<{ sequences: ReplaySequence[]; damaged: number }> {
  const sequences: ReplaySequence[] = [];
  let damaged = 0;
  const files = (await readdir(folder)).filter((file) => entryOf(file) !== null);
  for (const file of files) {
    try {
      sequences.push(decodeSequence(await readFile(join(folder, file))));
    } catch (error) {
      // One that went meanwhile is no damage.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') damaged++;
    }
  }
  sequences.sort((a, b) => a.startedAt - b.startedAt);
  return { sequences, damaged };
}

import type { SecurityLevel } from '../adapt/settings.js';
import { DecisionFiles, linesIn } from './decision-files.js';
import type { Log } from './prediction/messages.js';
import { sessionName } from './session-name.js';
import type { SessionUpdate } from './shard/messages.js';

const DAY_MS = 86_400_000;
/** Days that are kept, at most. */
const KEEP_DAYS = 30;
const WRITE_MS = 5000;
/** Lines that wait to be written, at most: a disk that is full costs lines, nothing else. */
const MOST_WAITING = 50_000;

/** What came of a session's settings, a line a session. */
export interface Decision {
  /** ms since the epoch, of the end. */
  t: number;
  client: string;
  function: string;
  isEnforced: boolean;
  seconds: number;
  bytesIn: number;
  bytesOut: number;
  /** Packets that limits held back, or would have. */
  held: number;
  /** Limit (bytes/s) and buffer (bytes), means over its life. */
  rateLimit: number;
  bufferSize: number;
  /** The highest. */
  level: SecurityLevel;
}

interface Running extends Decision {
  ticks: number;
}

/** Keeps what settings did to each session, or in observe mode would have done: `tidegate report` reads it. */
export class DecisionRecord {
  readonly #running = new Map<string, Running>();
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #files: DecisionFiles;
  /** Lines that were lost. */
  lost = 0;

  constructor(
    readonly folder: string,
    readonly log: Log,
    /** Days after which nothing of a client is left. */
    readonly retention = KEEP_DAYS,
  ) {
    this.#files = new DecisionFiles(folder);
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), WRITE_MS);
    this.#timer.unref();
  }

  update(shard: number, update: SessionUpdate, now: number): void {
    const key = sessionName(shard, update.handle);
    let running = this.#running.get(key);
    if (running === undefined) {
      // Of a client that was forgotten.
      if (!update.opened) return;
      const { client, functionId, isEnforced } = update;
      running = {
        ...{ t: now, client, function: functionId, isEnforced, seconds: 0, bytesIn: 0, bytesOut: 0, held: 0 },
        ...{ rateLimit: 0, bufferSize: 0, level: 0, ticks: 0 },
      };
      this.#running.set(key, running);
    }
    running.ticks++;
    running.seconds += update.seconds;
    running.bytesIn += update.bytesIn;
    running.bytesOut += update.bytesOut;
    running.held += update.held;
    running.rateLimit += (update.rateLimit - running.rateLimit) / running.ticks;
    running.bufferSize += (update.bufferSize - running.bufferSize) / running.ticks;
    running.level = Math.max(running.level, update.level) as SecurityLevel;
    if (!update.closed) return;
    this.#running.delete(key);
    const { ticks: _, ...decision } = running;
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(JSON.stringify({ ...decision, t: now }));
    else this.lost++;
  }

  /** One after the other: a file that is written anew must not be added to meanwhile. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async flush(): Promise<void> {
    await this.#inTurn(async () => await this.#write());
  }

  async #write(): Promise<void> {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    try {
      await this.#files.append(lines, dayOf(Date.now()));
      await this.#files.prune(dayOf(Date.now() - Math.min(KEEP_DAYS, this.retention) * DAY_MS));
      this.#isFailing = false;
    } catch (error) {
      this.lost += lines.length;
      if (!this.#isFailing) this.log('warn', 'what settings did is not recorded', { error: (error as Error).message });
      this.#isFailing = true;
    }
  }

  /** The lines of a client. */
  async of(client: string): Promise<Decision[]> {
    await this.flush();
    return await this.#inTurn(async () => {
      const found: Decision[] = [];
      for await (const line of linesIn(this.folder)) {
        const decision = clientOf(line) === client ? decisionIn(line) : null;
        if (decision !== null) found.push(decision);
      }
      return found;
    });
  }

  /** Removes the lines of clients. */
  async forget(clients: readonly string[]): Promise<void> {
    const gone = new Set<string | undefined>(clients);
    for (const [key, { client }] of this.#running) if (gone.has(client)) this.#running.delete(key);
    await this.#inTurn(async () => {
      await this.#write();
      await this.#files.remove((line) => gone.has(clientOf(line)));
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function clientOf(line: string): string | undefined {
  return /"client":"([^"]*)"/.exec(line)?.[1];
}

/** What a folder's record holds since a time, ms since the epoch. A line that was cut off as the host was killed is left out. */
export async function* readDecisions(folder: string, since: number): AsyncGenerator<Decision> {
  for await (const line of linesIn(folder)) {
    const decision = decisionIn(line);
    if (decision !== null && decision.t >= since) yield decision;
  }
}

/** Null where it was cut off. */
function decisionIn(line: string): Decision | null {
  try {
    return JSON.parse(line) as Decision;
  } catch {
    return null;
  }
}

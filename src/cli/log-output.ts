import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';

/** Bytes of lines that wait for a reader who stands still; what comes beyond that is dropped, and counted. */
const MOST_WAITING = 64 * 1024;
const AGAIN_MS = 200;

/** Writes some of the bytes and says how many. Throws EAGAIN where it would have to wait. */
type Write = (bytes: Buffer) => number;

/**
 * Where a process's log goes: each line is written before the next thing happens, so that the last one before a crash is there too. A
 * reader who stands still holds nobody up: a pipe that is full is not waited for.
 */
export class LogOutput {
  #waiting = Buffer.alloc(0);
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly writeSome: Write = standardError(),
    /** Of lines that were dropped, for the log itself. */
    private readonly told: (lines: number) => string = dropped,
  ) {}

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.length + bytes.length > MOST_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
    this.#pass();
  }

  #pass(): void {
    try {
      while (this.#waiting.length > 0) {
        this.#waiting = this.#waiting.subarray(this.writeSome(this.#waiting));
        if (this.#waiting.length > 0 || this.#dropped === 0) continue;
        this.#waiting = Buffer.from(this.told(this.#dropped));
        this.#dropped = 0;
      }
    } catch (error) {
      // Nobody reads any more.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.#waiting = Buffer.alloc(0);
    }
    if (this.#waiting.length === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#pass();
    }, AGAIN_MS).unref();
  }
}

/** Standard error; where it is a pipe, by a description of its own that does not block: the other one is shared with whoever made it. */
function standardError(): Write {
  let fd = 2;
  try {
    if (process.platform === 'linux' && fstatSync(2).isFIFO()) {
      fd = openSync('/proc/self/fd/2', constants.O_WRONLY | constants.O_NONBLOCK);
    }
  } catch {
    // It can't be opened again: it is waited for.
  }
  return (bytes) => writeSync(fd, bytes);
}

/** As pino writes its lines. */
function dropped(lines: number): string {
  const msg = 'lines were dropped: whoever reads the log stood still';
  return `${JSON.stringify({ level: 40, time: Date.now(), pid: process.pid, hostname: hostname(), lines, msg })}\n`;
}

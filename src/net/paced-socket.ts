import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { LoopTurns, Waiting } from './loop-turns.js';

/** Bytes that are passed on in one piece: at first, and the least and the most that become of it by what pieces cost. */
const FIRST_PIECE = 4096;
const LEAST_PIECE = 1024;
const MOST_PIECE = 65_536;
/** ms that a piece may cost. */
const MOST_MS = 0.5;

/** A connection whose bytes are passed on in turn with those of others ({@link LoopTurns}), and not before they are asked for. */
export class PacedSocket extends Duplex implements Waiting {
  #isWanted = false;
  #isWaiting = false;
  #piece = FIRST_PIECE;

  constructor(
    readonly socket: Socket,
    readonly turns: LoopTurns,
  ) {
    super({ allowHalfOpen: false, readableHighWaterMark: 0 });
    socket.on('readable', () => this.#ask());
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  #ask(): void {
    if (!this.#isWanted || this.#isWaiting) return;
    this.#isWaiting = true;
    this.turns.ask(this);
  }

  serve(): void {
    this.#isWaiting = false;
    if (this.destroyed) return;
    // Null: no more is there; 'readable' or 'end' follow.
    const bytes: Buffer | null = this.socket.read(Math.min(this.socket.readableLength, this.#piece) || undefined);
    if (bytes === null) return;
    this.#isWanted = false;
    this.push(bytes);
  }

  took(ms: number): void {
    if (ms > MOST_MS) this.#piece = Math.max(LEAST_PIECE, this.#piece / 2);
    else if (ms < MOST_MS / 4) this.#piece = Math.min(MOST_PIECE, this.#piece * 2);
  }

  override _read(): void {
    this.#isWanted = true;
    // Not now: what is pushed within this call would be passed on behind it, and its time be nobody's.
    if (this.socket.readableLength > 0) setImmediate(() => this.#ask());
    // An end is told of to those who read.
    else this.socket.read(0);
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(bytes, done);
  }

  override _writev(parts: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const last = parts.length - 1;
    this.socket.cork();
    for (const [i, { chunk }] of parts.entries()) this.socket.write(chunk, i === last ? done : undefined);
    this.socket.uncork();
  }

  /** Is done at once: Node ends the thread where TLS has something to say between its end being asked for and done. */
  override _final(done: (error?: Error | null) => void): void {
    this.socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // All is written where the end was asked for, which has to be told yet. Who else takes nothing would not let go.
    if (this.writableFinished) this.socket.destroySoon();
    else this.socket.destroy();
    done(error);
  }
}

import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { LoopTurns, Waiting } from './loop-turns.js';

/** Bytes that are passed on in one piece: what comes in frames of a byte costs some milliseconds. */
const PIECE = 16_384;

/**
 * A connection whose bytes are passed on in turn with those of others ({@link LoopTurns}), and not before they are asked for. Not for
 * `node:http2`, which on top of a stream of JavaScript ends its thread where it resets a stream while it writes (Node 26.12.1).
 */
export class PacedSocket extends Duplex implements Waiting {
  #isWanted = false;
  #isWaiting = false;

  constructor(
    readonly socket: TLSSocket,
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
    const bytes: Buffer | null = this.socket.read(Math.min(this.socket.readableLength, PIECE) || undefined);
    if (bytes === null) return;
    this.#isWanted = false;
    this.push(bytes);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#ask();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.socket.write(bytes, done);
  }

  override _writev(parts: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    // One record of TLS for all costs less than their copy.
    this.socket.write(Buffer.concat(parts.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }
}

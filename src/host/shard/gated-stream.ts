import type { Direction } from '../../core/session-table.js';
import { SILENT_STREAM, type WebTransportStreamHandler } from '../../http3/stream.js';
import type { TransportStream } from '../transport.js';
import type { HostSession } from './host-session.js';
import { type TokenWaiter, WORTHWHILE } from './token-waiters.js';

/** A bucket that was emptied fills all the time: whoever reads on gets a few bytes with each call, and never comes to an end. */
const DRY_MS = 1;

/**
 * A stream behind the gate: reading takes tokens, writing too. While there are none nothing is read from QUIC, so flow
 * control holds the sender and memory stays bounded.
 */
export class GatedStream implements WebTransportStreamHandler, TokenWaiter {
  handler: WebTransportStreamHandler = SILENT_STREAM;
  /** Reads wait for tokens; writes do. */
  #waiting = false;
  #writesWait = false;
  #paused = false;
  /** Until when a read of few bytes is not worth it, as the last one took all tokens there were; ms. */
  #dryUntil = 0;

  constructor(
    readonly session: HostSession,
    readonly stream: TransportStream,
    /** Bytes that were read of it to see what it is, perhaps none; null: it has not been looked at. */
    private seen: Uint8Array | null = null,
  ) {
    stream.handler = this;
  }

  get handle(): number {
    return this.session.handle;
  }

  get weight(): number {
    return this.session.weight;
  }

  get incoming(): boolean {
    return this.stream.incoming;
  }

  get bidirectional(): boolean {
    return this.stream.bidirectional;
  }

  /** All has been read. */
  get finished(): boolean {
    return this.seen === null && this.stream.finished;
  }

  get isReadDone(): boolean {
    return this.seen === null && this.stream.isReadDone;
  }

  get isWriteDone(): boolean {
    return this.stream.isWriteDone;
  }

  /** Reads into `into` as far as tokens go. Returns bytes read, or -1 where there is nothing to read now. */
  read(into: Uint8Array): number {
    if (this.#waiting) return -1;
    const { handle, shard } = this.session;
    const { core } = shard.table;
    const now = performance.now();
    const want = Math.min(into.length, shard.readers.allowance(handle));
    const least = now < this.#dryUntil ? WORTHWHILE : 1;
    const granted = want < 1 ? 0 : core.grant(handle, 0, want, 0, now, least);
    this.#dryUntil = 0;
    if (granted === 0) {
      this.#waiting = true;
      this.stream.pause();
      shard.readers.add(this);
      return -1;
    }
    const length =
      this.seen === null
        ? this.stream.read(granted === into.length ? into : into.subarray(0, granted))
        : this.#readSeen(into, granted, this.seen);
    core.settle(handle, 0, granted, Math.max(length, 0), now);
    if (length > 0) shard.readers.moved(handle, length);
    if (granted < want && length === granted) this.#dryUntil = now + DRY_MS;
    return length;
  }

  #readSeen(into: Uint8Array, most: number, seen: Uint8Array): number {
    const length = Math.min(most, seen.length);
    into.set(seen.subarray(0, length));
    this.seen = length < seen.length ? seen.subarray(length) : null;
    // Where nothing was seen but the end, the reader is told of that.
    return length > 0 || this.stream.finished ? length : this.stream.read(into.subarray(0, most));
  }

  /** There may be tokens again. */
  proceed(direction: Direction): void {
    if (direction === 'out') {
      this.#writesWait = false;
      if (!this.stream.isWriteDone) this.handler.onWritable();
      return;
    }
    if (!this.#waiting) return;
    this.#waiting = false;
    if (this.#paused || this.isReadDone) return;
    this.stream.resume();
    this.handler.onReadable();
  }

  /** Offers bytes; returns how many were taken. onWritable follows where that is less than all. */
  write(bytes: Uint8Array, end: boolean): number {
    if (bytes.length === 0) return this.stream.write(bytes, end);
    if (this.#writesWait) return 0;
    const { handle, shard } = this.session;
    const { core } = shard.table;
    const now = performance.now();
    let written = 0;
    while (written < bytes.length) {
      const left = bytes.length - written;
      const want = Math.min(left, shard.writers.allowance(handle));
      const granted = want < 1 ? 0 : core.grant(handle, 1, want, 0, now);
      if (granted === 0) {
        this.#writesWait = true;
        shard.writers.add(this);
        break;
      }
      const part = granted === bytes.length ? bytes : bytes.subarray(written, written + granted);
      const taken = this.stream.write(part, end && granted === left);
      core.settle(handle, 1, granted, taken, now);
      if (taken > 0) shard.writers.moved(handle, taken);
      written += taken;
      // The stream itself is full: its own onWritable follows.
      if (taken < granted) {
        this.session.fullSince ??= now;
        break;
      }
    }
    return written;
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#waiting || this.isReadDone) return;
    this.stream.resume();
    this.handler.onReadable();
  }

  reset(code: number): void {
    this.stream.reset(code);
  }

  stopSending(code: number): void {
    this.seen = null;
    this.stream.stopSending(code);
  }

  onReadable(): void {
    if (!this.#paused && !this.#waiting) this.handler.onReadable();
  }

  onWritable(): void {
    this.session.wroteAgain(performance.now());
    if (!this.#writesWait) this.handler.onWritable();
  }

  onReset(code: number): void {
    const { shard, handle } = this.session;
    shard.table.core.note(handle, shard.table.events.resets, 1);
    this.handler.onReset(code);
  }

  onStopSending(code: number): void {
    this.handler.onStopSending(code);
  }
}

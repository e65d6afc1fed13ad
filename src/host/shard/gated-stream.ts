import { SILENT_STREAM, type WebTransportStreamHandler } from '../../http3/stream.js';
import type { TransportStream } from '../transport.js';
import type { HostSession } from './host-session.js';

/**
 * A stream behind the gate: reading takes tokens. While there are none nothing is read from QUIC, so flow control holds
 * the sender and memory stays bounded.
 */
export class GatedStream implements WebTransportStreamHandler {
  handler: WebTransportStreamHandler = SILENT_STREAM;
  #waiting = false;
  #paused = false;

  constructor(
    readonly session: HostSession,
    readonly stream: TransportStream,
  ) {
    stream.handler = this;
  }

  get incoming(): boolean {
    return this.stream.incoming;
  }

  get bidirectional(): boolean {
    return this.stream.bidirectional;
  }

  /** All has been read. */
  get finished(): boolean {
    return this.stream.finished;
  }

  get isReadDone(): boolean {
    return this.stream.isReadDone;
  }

  get isWriteDone(): boolean {
    return this.stream.isWriteDone;
  }

  /** Reads into `into` as far as tokens go. Returns bytes read, or -1 where there is nothing to read now. */
  read(into: Uint8Array): number {
    if (this.#waiting) return -1;
    const { table, slot } = this.session;
    const now = performance.now();
    const granted = this.session.enforced ? table.core.grant(slot, into.length, now) : into.length;
    if (granted === 0) {
      this.#waiting = true;
      this.stream.pause();
      this.session.waitForTokens(this, now);
      return -1;
    }
    const length = this.stream.read(granted === into.length ? into : into.subarray(0, granted));
    if (this.session.enforced) table.core.settle(slot, granted, Math.max(length, 0), now);
    else if (length > 0) table.core.settle(slot, length, length, now);
    return length;
  }

  /** Tokens are there again. */
  proceed(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    if (this.#paused || this.stream.isReadDone) return;
    this.stream.resume();
    this.handler.onReadable();
  }

  /** Offers bytes; returns how many were taken. onWritable follows where that is less than all. */
  write(bytes: Uint8Array, end: boolean): number {
    const taken = this.stream.write(bytes, end);
    if (taken > 0) this.session.table.core.countOut(this.session.slot, taken, performance.now());
    return taken;
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#waiting || this.stream.isReadDone) return;
    this.stream.resume();
    this.handler.onReadable();
  }

  reset(code: number): void {
    this.stream.reset(code);
  }

  stopSending(code: number): void {
    this.stream.stopSending(code);
  }

  onReadable(): void {
    if (!this.#paused && !this.#waiting) this.handler.onReadable();
  }

  onWritable(): void {
    this.handler.onWritable();
  }

  onReset(code: number): void {
    this.handler.onReset(code);
  }

  onStopSending(code: number): void {
    this.handler.onStopSending(code);
  }
}

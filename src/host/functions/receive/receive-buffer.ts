import type { BufferPool } from './buffer-pool.js';
import type { CompiledCriteria, ReceiveState } from './compiled-criteria.js';
import { FrameScanner } from './frame-scanner.js';

const NOTHING = new Uint8Array(0);
/** Nobody adds to it. */
const NO_SPANS: number[] = [];

/** What is handed on: bytes with their frames, and where the messages in them are, as pairs of from and to. */
export interface Batch {
  bytes: Uint8Array;
  spans: readonly number[];
  ended: boolean;
  /** The buffer that `bytes` are of. */
  buffer: Uint8Array;
}

/**
 * Gathers what comes on a stream (or as datagrams) until it meets a function's criteria. Sans-IO: bytes and the time go in,
 * batches come out.
 */
export class ReceiveBuffer {
  readonly #state: ReceiveState = { bytes: 0, messages: 0, matched: 0, elapsed: 0, ended: false };
  readonly #scanner: FrameScanner;
  #buffer: Uint8Array = NOTHING;
  #end = 0;
  /** Behind the last whole message. */
  #scanned = 0;
  #spans = NO_SPANS;
  #firstAt = 0;
  /** A message came that is longer than it may be. */
  isTooLong = false;

  constructor(
    readonly criteria: CompiledCriteria,
    readonly pool: BufferPool,
    /** Datagrams are messages by themselves. */
    readonly isDatagrams: boolean,
  ) {
    const { framing, maxMessage } = criteria.receive;
    this.#scanner = new FrameScanner(isDatagrams ? 'none' : framing, maxMessage);
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#end;
  }

  get isEnded(): boolean {
    return this.#state.ended;
  }

  /** ms (of the clock that `now` is of) at which the criteria may be met without more data; Infinity: never. */
  get dueAt(): number {
    return this.#end === 0 ? Number.POSITIVE_INFINITY : this.#firstAt + this.criteria.elapsed;
  }

  /** Room behind what waits, for `bytes` more. Fill it and say how many with {@link filled}. */
  room(bytes: number): Uint8Array {
    this.#reserve(bytes);
    return this.#buffer.subarray(this.#end, this.#end + bytes);
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return;
    const larger = this.pool.take(this.#end + bytes);
    if (this.#end > 0) larger.set(this.#buffer.subarray(0, this.#end));
    this.pool.give(this.#buffer);
    this.#buffer = larger;
  }

  /** Copies what came, as {@link room} and {@link filled} do. */
  add(bytes: Uint8Array, now: number): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.filled(bytes.length, now);
  }

  /** `bytes` were written to {@link room}. */
  filled(bytes: number, now: number): void {
    if (bytes === 0) return;
    if (this.#end === 0) this.#firstAt = now;
    this.#end += bytes;
    if (this.isDatagrams) this.#message(this.#end - bytes, this.#end, this.#end);
    else this.#scan();
  }

  #scan(): void {
    for (;;) {
      const result = this.#scanner.scan(this.#buffer, this.#scanned, this.#end);
      if (result === 'too-long') this.isTooLong = true;
      if (result !== 'message') break;
      const { from, to, next } = this.#scanner.span;
      this.#message(from, to, next);
    }
    // What begins can be told before it is whole.
    if (this.criteria.looksAtContent && this.#scanned < this.#end && this.criteria.receive.framing === 'none') {
      this.#state.matched |= this.criteria.look(this.#buffer, this.#scanned, this.#end, false);
    }
  }

  #message(from: number, to: number, next: number): void {
    // Most batches have one message: the array is of its size then.
    if (this.#spans === NO_SPANS) this.#spans = [from, to];
    else this.#spans.push(from, to);
    this.#scanned = next;
    this.#state.messages++;
    if (this.criteria.looksAtContent) this.#state.matched |= this.criteria.look(this.#buffer, from, to, true);
  }

  /** Nothing more comes. Returns false where a message is cut off. */
  end(): boolean {
    if (this.#state.ended) return true;
    this.#state.ended = true;
    if (this.#scanned === this.#end) return true;
    if (this.criteria.receive.framing !== 'none') return false;
    this.#message(this.#scanned, this.#end, this.#end);
    return true;
  }

  /** What waits where it meets the criteria at `now`, else null. At the end of a stream all that is left goes, if anything. */
  take(now: number): Batch | null {
    const state = this.#state;
    const { framing } = this.criteria.receive;
    const ready = framing === 'none' || this.isDatagrams ? this.#end : this.#scanned;
    if (ready === 0 && !(state.ended && this.criteria.wantsEnd)) return null;
    state.bytes = this.#end;
    state.elapsed = now - this.#firstAt;
    if (!state.ended && !this.criteria.isMet(state)) return null;
    return this.#cut(ready);
  }

  #cut(ready: number): Batch {
    const { framing } = this.criteria.receive;
    const buffer = this.#buffer;
    const isUnframed = framing === 'none' && !this.isDatagrams && this.#spans.length === 0 && ready > 0;
    const spans = isUnframed ? [0, ready] : this.#spans;
    const batch = { bytes: buffer.subarray(0, ready), spans, ended: this.#state.ended, buffer };
    const left = this.#end - ready;
    this.#buffer = left === 0 ? NOTHING : this.pool.take(left);
    if (left > 0) this.#buffer.set(buffer.subarray(ready, this.#end));
    this.#end = left;
    this.#scanned = 0;
    this.#spans = NO_SPANS;
    this.#state.messages = 0;
    this.#state.matched = 0;
    return batch;
  }

  /** What is there goes. */
  close(): void {
    this.pool.give(this.#buffer);
    this.#buffer = NOTHING;
    this.#end = 0;
    this.#scanned = 0;
    this.#spans = NO_SPANS;
  }
}

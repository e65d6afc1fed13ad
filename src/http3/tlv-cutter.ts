import { readVarint } from '../quic/varint.js';

const NOTHING: Uint8Array = new Uint8Array(0);

/** Receives what a {@link TlvCutter} finds. */
export interface TlvSink {
  /** A unit begins, whose value has so many bytes. */
  begin(type: number, length: number): void;
  /** A part of its value, there during the call; a unit without a value has one that is empty. */
  push(part: Uint8Array, isLast: boolean): void;
}

/** Cuts bytes into units of a type, a length and a value, the way they come: frames (RFC 9114 section 7.1), capsules (RFC 9297 section 3.2). */
export class TlvCutter {
  readonly #head = new Uint8Array(16);
  #headLength = 0;
  /** Bytes that are to come of a value; -1: a head is. */
  #left = -1;
  /** Nothing more is taken. */
  stopped = false;

  constructor(readonly sink: TlvSink) {}

  /** True between units. */
  get atBoundary(): boolean {
    return this.#headLength === 0 && this.#left < 0;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.stopped) {
      if (this.#left < 0) {
        this.#head[this.#headLength++] = bytes[at++];
        this.#readHead();
        continue;
      }
      const take = Math.min(this.#left, bytes.length - at);
      this.#pass(bytes.subarray(at, at + take));
      at += take;
    }
  }

  #readHead(): void {
    const type = readVarint(this.#head, 0, this.#headLength);
    if (type < 0) return;
    const length = readVarint(this.#head, 1 << (this.#head[0] >> 6), this.#headLength);
    if (length < 0) return;
    this.#headLength = 0;
    this.sink.begin(type, length);
    this.#left = length;
    if (length === 0) this.#pass(NOTHING);
  }

  #pass(part: Uint8Array): void {
    const left = this.#left - part.length;
    this.#left = left === 0 ? -1 : left;
    this.sink.push(part, left === 0);
  }
}

import { RecentMap } from '../core/recent-map.js';

/** What a stream may be granted at first, bytes: powers of four around what is granted to those that nobody knows. */
const CLASSES = [32 * 1024, 128 * 1024, 512 * 1024, 1024 * 1024] as const;
const UNKNOWN = CLASSES[1];
/** Of what was known of an address, with each session that opens from there. */
const FADE = 0.9;
const MOST = 10_000;

/**
 * Receive windows of connections, from what is known of where they come from: a window has to be said in the handshake, before
 * the client can say who it is. The largest buffers that sessions of an address prefix were given of late decide; what is read
 * after that follows each session's own buffer.
 */
export class WindowClasses {
  /** By prefix, bytes; in order of last use. */
  readonly #buffers = new RecentMap<string, number>(MOST);

  /** A session of a prefix was given a buffer. */
  note(prefix: string, bufferSize: number): void {
    const before = this.#buffers.get(prefix) ?? 0;
    this.#buffers.set(prefix, Math.max(bufferSize, before * FADE));
  }

  /** Bytes that a stream of a connection from there may be sent before any is read. */
  windowOf(prefix: string): number {
    const buffer = this.#buffers.get(prefix);
    if (buffer === undefined) return UNKNOWN;
    return CLASSES.find((size) => size >= buffer) ?? CLASSES[CLASSES.length - 1];
  }
}

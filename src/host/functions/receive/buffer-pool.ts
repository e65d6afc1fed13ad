/** Sizes that buffers come in, bytes. */
const CLASSES = [1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216];
/** Bytes of unused buffers that are kept, a class. */
const MOST_IDLE = 16_777_216;

/** Buffers that are used again, by class of size. */
export class BufferPool {
  readonly #free: Uint8Array[][] = CLASSES.map(() => []);
  /** Buffers that had to be made, and bytes that are out. */
  made = 0;
  bytesOut = 0;

  /** One of at least `bytes`. */
  take(bytes: number): Uint8Array {
    let at = 0;
    while (at < CLASSES.length && CLASSES[at] < bytes) at++;
    const size = at < CLASSES.length ? CLASSES[at] : bytes;
    this.bytesOut += size;
    const free = at < CLASSES.length ? this.#free[at].pop() : undefined;
    if (free !== undefined) return free;
    this.made++;
    return new Uint8Array(size);
  }

  /** Back it comes, to be used by others; an empty one never was the pool's. */
  give(buffer: Uint8Array): void {
    if (buffer.length === 0) return;
    this.bytesOut -= buffer.length;
    const at = CLASSES.indexOf(buffer.length);
    if (at >= 0 && (this.#free[at].length + 1) * buffer.length <= MOST_IDLE) this.#free[at].push(buffer);
  }

  /** One that somebody may still hold: it is gone. */
  lose(buffer: Uint8Array): void {
    this.bytesOut -= buffer.length;
  }
}

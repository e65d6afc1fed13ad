import { SEAL_MAGIC, SEALED_STREAM_HEAD, unitAt } from '../../../control/sealing.js';

/** Reads the head of a stream that may be sealed. */
export class SealedHead {
  readonly #bytes = new Uint8Array(SEALED_STREAM_HEAD);
  #length = 0;

  /** Room for what is missing; say with {@link filled} how much was written. */
  get room(): Uint8Array {
    return this.#bytes.subarray(this.#length);
  }

  filled(bytes: number): void {
    this.#length += bytes;
  }

  /** What was read so far. */
  get seen(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The unit's number; 'plain' where the stream is not sealed, null where that can't be told yet. */
  get unit(): number | 'plain' | null {
    const known = Math.min(this.#length, SEAL_MAGIC.length);
    for (let i = 0; i < known; i++) if (this.#bytes[i] !== SEAL_MAGIC[i]) return 'plain';
    return this.#length < SEALED_STREAM_HEAD ? null : unitAt(this.#bytes, SEAL_MAGIC.length);
  }
}

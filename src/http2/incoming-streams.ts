import { TcpSessionError } from './session-error.js';

/** IDs of the streams of one type that a peer opens: which are new, and how many there may be (RFC 9000 sections 2.1 and 4.6). */
export class IncomingStreams {
  /** Streams that were opened, those that were skipped among them. */
  #opened = 0;
  readonly #skipped = new Set<number>();
  #over = 0;
  #limit: number;

  constructor(
    /** Lowest ID of the type. */
    readonly first: number,
    /** Streams at once. */
    readonly most: number,
  ) {
    this.#limit = most;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Whether this stream is new; false: it was there before. Throws {@link TcpSessionError} where it is one too many. */
  isNew(id: number): boolean {
    const index = (id - this.first) / 4;
    if (index < this.#opened) return this.#skipped.delete(index);
    if (index >= this.#limit) throw new TcpSessionError('flow-control', `stream ${id} is over the limit of streams`);
    for (let skipped = this.#opened; skipped < index; skipped++) this.#skipped.add(skipped);
    this.#opened = index + 1;
    return true;
  }

  /** A stream is over. Returns the limit to tell the peer of, or 0 where that can wait. */
  end(): number {
    this.#over++;
    const limit = this.most + this.#over;
    if (limit - this.#limit < this.most / 2) return 0;
    this.#limit = limit;
    return limit;
  }
}

/** Streams of one kind that we open: which come next, and how many the peer allows (RFC 9000 sections 2.1 and 4.6). */
export class OutgoingStreams {
  #next: number;
  #limit: number;

  /**
   * @param bits of the kind, in the IDs
   * @param limit how many the peer allows at first
   * @param first the first that is used; those before it count as opened
   */
  constructor(
    readonly bits: number,
    limit: number,
    first = 0,
  ) {
    this.#next = first;
    this.#limit = limit;
  }

  /** The ID of another, or null while the peer allows no more. */
  open(): number | null {
    return this.#next < this.#limit ? this.#next++ * 4 + this.bits : null;
  }

  /** Whether one of this ID was opened. */
  isOpened(id: number): boolean {
    return (id - this.bits) / 4 < this.#next;
  }

  /** @returns whether the peer allows more than before */
  raise(limit: number): boolean {
    if (limit <= this.#limit) return false;
    this.#limit = limit;
    return true;
  }
}

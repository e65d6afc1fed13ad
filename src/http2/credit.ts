/** What a peer may send, of a stream or of all of a session (RFC 9000 section 4.1, draft-ietf-webtrans-http2 section 4.3): bytes. */
export class ReceiveCredit {
  #received = 0;
  #read = 0;
  #limit: number;

  constructor(readonly window: number) {
    this.#limit = window;
  }

  get limit(): number {
    return this.#limit;
  }

  /** What came and is not read. */
  get unread(): number {
    return this.#received - this.#read;
  }

  /** @returns whether the peer was allowed so much. */
  receive(bytes: number): boolean {
    this.#received += bytes;
    return this.#received <= this.#limit;
  }

  /** @returns the limit to tell the peer of, or 0 where half of the window is still there. */
  read(bytes: number): number {
    this.#read += bytes;
    if (this.#limit - this.#read > this.window / 2) return 0;
    this.#limit = this.#read + this.window;
    return this.#limit;
  }
}

/** What may be sent to a peer. */
export class SendCredit {
  #sent = 0;

  constructor(private limit: number) {}

  get left(): number {
    return this.limit - this.#sent;
  }

  send(bytes: number): void {
    this.#sent += bytes;
  }

  /** The peer's limit; one that is lower than it was changes nothing. */
  raise(limit: number): void {
    this.limit = Math.max(this.limit, limit);
  }
}

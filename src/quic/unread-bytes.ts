/** Of a packet with stream data, bytes that are none of it: header, connection ID, tag, frame headers, an acknowledgement. */
const OVERHEAD = 64;

/** What connections hold together, bytes. */
export interface UnreadSum {
  unreadBytes: number;
}

/**
 * What came for a connection and was not read, bytes. The engine does not tell what it holds, so packets are counted as they come, and
 * what is read as it is read. What comes twice, or goes unread with a stream that is reset, makes it more than it is:
 * {@link atMost} corrects that.
 */
export class UnreadBytes {
  bytes = 0;
  #counts = true;

  constructor(readonly sum: UnreadSum) {}

  came(packetLength: number): void {
    if (packetLength > OVERHEAD) this.#add(packetLength - OVERHEAD);
  }

  read(bytes: number): void {
    this.#add(-Math.min(bytes, this.bytes));
  }

  /** It is known to be no more. */
  atMost(bytes: number): void {
    if (bytes < this.bytes) this.#add(bytes - this.bytes);
  }

  /** Its connection is about to go: what it holds is no part of the sum any more. */
  leave(): void {
    if (!this.#counts) return;
    this.sum.unreadBytes -= this.bytes;
    this.#counts = false;
  }

  #add(bytes: number): void {
    this.bytes += bytes;
    if (this.#counts) this.sum.unreadBytes += bytes;
  }
}

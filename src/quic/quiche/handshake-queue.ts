/** Packets that wait at most: a crowd's. A flood's are not kept waiting, as all but the first are answered by a Retry. */
const MOST = 64;

interface Waiting {
  packet: Uint8Array;
  address: string;
  port: number;
}

/**
 * Packets of those who are not connected yet, while others have their turn: TLS costs a hundred times what a packet of an
 * established connection does, and a crowd that comes must not keep those waiting that are there.
 */
export class HandshakeQueue {
  #waiting: Waiting[] = [];
  #next = 0;

  get length(): number {
    return this.#waiting.length - this.#next;
  }

  /** Keeps a copy; false where there is no room, and it has its turn at once. */
  add(packet: Uint8Array, address: string, port: number): boolean {
    if (this.length >= MOST) return false;
    this.#waiting.push({ packet: new Uint8Array(packet), address, port });
    return true;
  }

  /** The one that has waited longest, or null. */
  take(): Waiting | null {
    if (this.length === 0) return null;
    const taken = this.#waiting[this.#next++];
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    }
    return taken;
  }
}

/** Packets that wait at most: a crowd's. A flood's are not kept waiting, as all but the first are answered by a Retry. */
const MOST = 64;
/** Bytes of a packet that may wait: those of a handshake are cut to what any path carries (RFC 9000 section 14). */
const SLOT = 2048;

/** A packet that waits. */
export interface WaitingPacket {
  packet: Uint8Array;
  address: string;
  port: number;
}

/**
 * Packets of those who are not connected yet, while others have their turn: TLS costs a hundred times what a packet of an
 * established connection does, and a crowd that comes must not keep those waiting that are there. They lie in one buffer of its
 * own: what is handed in may be used again.
 */
export class HandshakeQueue {
  readonly #bytes = new Uint8Array(MOST * SLOT);
  readonly #lengths = new Uint16Array(MOST);
  readonly #ports = new Uint16Array(MOST);
  readonly #addresses = new Array<string>(MOST).fill('');
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps a copy; false where there is no room for it, and it has its turn at once. */
  add(packet: Uint8Array, address: string, port: number): boolean {
    if (this.#length === MOST || packet.length > SLOT) return false;
    const at = (this.#first + this.#length++) % MOST;
    this.#bytes.set(packet, at * SLOT);
    this.#lengths[at] = packet.length;
    this.#ports[at] = port;
    this.#addresses[at] = address;
    return true;
  }

  /** The one that has waited longest; there has to be one. */
  first(): WaitingPacket {
    const at = this.#first;
    const packet = this.#bytes.subarray(at * SLOT, at * SLOT + this.#lengths[at]);
    return { packet, address: this.#addresses[at], port: this.#ports[at] };
  }

  /** The first has had its turn. Its bytes are good until the queue is used again. */
  drop(): void {
    this.#first = (this.#first + 1) % MOST;
    this.#length--;
  }
}

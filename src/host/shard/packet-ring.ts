/**
 * A ring of packets in shared memory with one writer and one reader (Lamport's queue): the writer moves `tail`, the
 * reader `head`, both with Atomics, so neither waits for the other.
 *
 * Record: u32 length of the packet, u16 port, u16 length of the address, the address (latin1), the packet; padded to 8
 * bytes. A length of 0xffffffff says that the next record is at the start.
 */
const HEAD = 0;
const TAIL = 1;
const HEADER_BYTES = 64;
const RECORD_HEAD = 8;
const WRAP = 0xffffffff;

export class PacketRing {
  readonly #marks: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #capacity: number;

  static create(capacity = 1 << 20): SharedArrayBuffer {
    return new SharedArrayBuffer(HEADER_BYTES + capacity);
  }

  constructor(readonly memory: SharedArrayBuffer) {
    this.#marks = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
    this.#view = new DataView(memory, HEADER_BYTES);
    this.#capacity = this.#bytes.length;
  }

  /** @returns false where the ring is full; the packet is then lost, as on a full socket. */
  write(packet: Uint8Array, address: string, port: number): boolean {
    const size = (RECORD_HEAD + address.length + packet.length + 7) & ~7;
    let tail = Atomics.load(this.#marks, TAIL);
    const head = Atomics.load(this.#marks, HEAD);
    if (tail >= head) {
      if (tail + size + 8 > this.#capacity) {
        // Not behind the tail: from the start, unless the reader is still there.
        if (size + 8 >= head) return false;
        this.#view.setUint32(tail, WRAP, true);
        tail = 0;
      }
    } else if (tail + size + 8 >= head) {
      return false;
    }
    this.#view.setUint32(tail, packet.length, true);
    this.#view.setUint16(tail + 4, port, true);
    this.#view.setUint16(tail + 6, address.length, true);
    const at = tail + RECORD_HEAD;
    for (let i = 0; i < address.length; i++) this.#bytes[at + i] = address.charCodeAt(i);
    this.#bytes.set(packet, at + address.length);
    Atomics.store(this.#marks, TAIL, tail + size);
    return true;
  }

  /** Takes out up to `max` packets. `use` gets a copy that it may keep. */
  drain(use: (packet: Uint8Array, address: string, port: number) => void, max = 256): number {
    let head = Atomics.load(this.#marks, HEAD);
    let taken = 0;
    while (taken < max && head !== Atomics.load(this.#marks, TAIL)) {
      let length = this.#view.getUint32(head, true);
      if (length === WRAP) {
        head = 0;
        Atomics.store(this.#marks, HEAD, 0);
        continue;
      }
      const port = this.#view.getUint16(head + 4, true);
      const addressLength = this.#view.getUint16(head + 6, true);
      const at = head + RECORD_HEAD;
      // What another thread wrote is data: a length that does not fit must not be read past.
      length = Math.min(length, this.#capacity - at - addressLength);
      let address = '';
      for (let i = 0; i < addressLength; i++) address += String.fromCharCode(this.#bytes[at + i]);
      const packet = new Uint8Array(length);
      packet.set(this.#bytes.subarray(at + addressLength, at + addressLength + length));
      head += (RECORD_HEAD + addressLength + length + 7) & ~7;
      Atomics.store(this.#marks, HEAD, head);
      taken++;
      use(packet, address, port);
    }
    return taken;
  }

  get isEmpty(): boolean {
    return Atomics.load(this.#marks, HEAD) === Atomics.load(this.#marks, TAIL);
  }
}

/**
 * ms that a packet may wait in front of a socket: what waits longer has been given up for lost by its sender (RFC 9002, section
 * 6.2) and sent anew. Also several times what a container's quota makes its threads pause.
 */
const MOST_WAIT_MS = 500;
/** Bytes that Linux counts for each that is asked for. */
const ALLOWED = 2;
/** And for a packet: its own notes of it, and a power of two that its headers, a table and what it carries fit into. */
const NOTES_BYTES = 256;
const BESIDE_BYTES = 370;
/** A queue that is so full at each of so many looks stands: it is no burst, and the shard takes what it can. */
const STANDS_AT = 0.5;
const STANDS_LOOKS = 3;
/** And one that is emptier than this for so many looks is over. */
const OVER_AT = 0.25;
const OVER_LOOKS = 10;

/** Bytes that Linux counts for a packet of `bytes`. */
function countedFor(bytes: number): number {
  return NOTES_BYTES + 2 ** Math.ceil(Math.log2(bytes + BESIDE_BYTES));
}

/**
 * The size of a UDP socket's receive buffer, bytes. A large one takes bursts. Where more comes than is taken all the time it is
 * full whatever its size, and only makes each packet wait (a standing queue: RFC 8289, section 3), for seconds where a shard is
 * slow. Then it is cut to what is taken in half a second. Sans-IO.
 */
export class ReceiveBuffer {
  /** Bytes as the kernel counts them that were taken a second, at the last looks. */
  #taken: number[] = [];
  #full = 0;
  #over = 0;
  #stands = false;
  #size: number;

  constructor(
    readonly least: number,
    readonly most: number,
  ) {
    this.#size = most;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Takes a look a second and returns the size from now on.
   * @param queued bytes in the fullest queue, as the kernel counts them
   * @param packets that a shard took a second
   * @param bytes that these carried
   */
  look(queued: number, packets: number, bytes: number): number {
    const share = queued / (this.#size * ALLOWED);
    this.#full = share >= STANDS_AT ? this.#full + 1 : 0;
    this.#over = share < OVER_AT ? this.#over + 1 : 0;
    this.#taken.push(packets * countedFor(bytes / Math.max(1, packets)));
    if (this.#taken.length > STANDS_LOOKS) this.#taken.shift();
    if (this.#full >= STANDS_LOOKS) this.#stands = true;
    else if (this.#over >= OVER_LOOKS) this.#stands = false;
    const wanted = (Math.max(...this.#taken) * MOST_WAIT_MS) / 1000 / ALLOWED;
    this.#size = this.#stands ? Math.round(Math.min(this.most, Math.max(this.least, wanted))) : this.most;
    return this.#size;
  }
}

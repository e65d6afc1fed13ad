/** Bytes that a weight of 1 may move in a turn. */
const QUANTUM = 16 * 1024;

interface Waiting {
  weight: number;
  deficit: number;
  inTurn: boolean;
}

/**
 * Deficit round robin (Shreedhar and Varghese, SIGCOMM 1995): those that wait for a shared rate take turns; each turn
 * adds a quantum times its weight to what it may move, and what it does not use stays for its next turn. So shares go
 * by weight, however large the pieces, and each turn costs the same. Who has just come has its first turn before those that
 * wait for longer (RFC 8290 section 4.2): what moves little hardly waits, and as nobody is new twice in a round of the
 * others, it costs them no share.
 */
export class DeficitRoundRobin {
  /** Both in the order of their turns: a Map keeps the order of insertion. */
  readonly #fresh = new Map<number, Waiting>();
  readonly #waiting = new Map<number, Waiting>();
  /** Turns of those that wait for longer that are over. */
  #turns = 0;
  /** How many of them there have to be before one that left counts as new, where that is not yet so. */
  readonly #freshAfter = new Map<number, number>();

  get size(): number {
    return this.#fresh.size + this.#waiting.size;
  }

  has(id: number): boolean {
    return this.#of(id) !== undefined;
  }

  #of(id: number): Waiting | undefined {
    return this.#fresh.get(id) ?? this.#waiting.get(id);
  }

  /** Joins the queue; one that waits already keeps its place. */
  add(id: number, weight: number): void {
    if (this.has(id)) return;
    const isFresh = this.#turns >= (this.#freshAfter.get(id) ?? 0);
    this.#freshAfter.delete(id);
    (isFresh ? this.#fresh : this.#waiting).set(id, { weight, deficit: 0, inTurn: false });
  }

  /** Leaves, and with it what was not used: nobody saves up while it has nothing to move. */
  delete(id: number): void {
    const wasFresh = this.#fresh.delete(id);
    if (!wasFresh && !this.#waiting.delete(id)) return;
    if (!wasFresh) this.#turns++;
    if (this.#waiting.size > 0) this.#freshAfter.set(id, this.#turns + this.#waiting.size);
    else this.#freshAfter.clear();
  }

  /** Those that wait, in the order of their turns. */
  *ids(): Generator<number> {
    yield* this.#fresh.keys();
    yield* this.#waiting.keys();
  }

  /** Begins the turn of `id`, or goes on with it where it was broken off. Returns the bytes that it may move. */
  begin(id: number): number {
    const waiting = this.#of(id);
    if (waiting === undefined) return 0;
    if (!waiting.inTurn) waiting.deficit += QUANTUM * waiting.weight;
    waiting.inTurn = true;
    return Math.max(waiting.deficit, 0);
  }

  spend(id: number, bytes: number): void {
    const waiting = this.#of(id);
    if (waiting !== undefined) waiting.deficit -= bytes;
  }

  /** What is left of the turn. */
  left(id: number): number {
    return Math.max(this.#of(id)?.deficit ?? 0, 0);
  }

  /** Ends a turn: `id` goes to the end of the queue. */
  rotate(id: number): void {
    const waiting = this.#of(id);
    if (waiting === undefined) return;
    waiting.inTurn = false;
    if (!this.#fresh.delete(id)) {
      this.#waiting.delete(id);
      this.#turns++;
    }
    this.#waiting.set(id, waiting);
  }
}

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
 * by weight, however large the pieces, and each turn costs the same.
 */
export class DeficitRoundRobin {
  /** In the order of their turns: a Map keeps the order of insertion. */
  readonly #waiting = new Map<number, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  has(id: number): boolean {
    return this.#waiting.has(id);
  }

  /** Joins the end of the queue; one that waits already keeps its place. */
  add(id: number, weight: number): void {
    if (!this.#waiting.has(id)) this.#waiting.set(id, { weight, deficit: 0, inTurn: false });
  }

  /** Leaves, and with it what was not used: nobody saves up while it has nothing to move. */
  delete(id: number): void {
    this.#waiting.delete(id);
  }

  /** Those that wait, in the order of their turns. */
  ids(): Iterable<number> {
    return this.#waiting.keys();
  }

  /** Begins the turn of `id`, or goes on with it where it was broken off. Returns the bytes that it may move. */
  begin(id: number): number {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return 0;
    if (!waiting.inTurn) waiting.deficit += QUANTUM * waiting.weight;
    waiting.inTurn = true;
    return Math.max(waiting.deficit, 0);
  }

  spend(id: number, bytes: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.deficit -= bytes;
  }

  /** What is left of the turn. */
  left(id: number): number {
    return Math.max(this.#waiting.get(id)?.deficit ?? 0, 0);
  }

  /** Ends a turn: `id` goes to the end of the queue. */
  rotate(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.inTurn = false;
    this.#waiting.delete(id);
    this.#waiting.set(id, waiting);
  }
}

/** Bounds of the strength, visits. */
const LEAST = 0.5;
const MOST = 50;
/** Variances before anything was seen: of visits within a client, and between clients. */
const WITHIN = 1;
const BETWEEN = 0.1;

/** What is kept, to go on from another time. */
export interface OwnWaysState {
  visits: number;
  squares: number;
  again: number;
  products: number;
}

/**
 * How far a client is from what its functions bring of others, shrunk to nothing by how alike clients are (empirical Bayes,
 * Efron & Morris 1973): with r a logarithm of what a visit brought (bytes, or bytes/s) less what was expected of one who is
 * not known,
 *
 *     ways = sum r / (n + k),   k = within / between
 *
 * The variances are those of moments: a visit's r times the mean r of its client's earlier visits is `between` on average,
 * and r^2 is `within + between`.
 */
export class OwnWays {
  #visits = 0;
  #squares = 0;
  #again = 0;
  #products = 0;

  /** k: visits that count for none beside a client's own. */
  get strength(): number {
    const between = this.#again === 0 ? 0 : this.#products / this.#again;
    const all = this.#visits === 0 ? 0 : this.#squares / this.#visits;
    const within = Math.max(0, all - between);
    return Math.min(MOST, Math.max(LEAST, (within + WITHIN) / Math.max(between + BETWEEN, Number.EPSILON)));
  }

  /** @param away sum r of a client's `filled` visits */
  of(away: number, filled: number): number {
    return away / (filled + this.strength);
  }

  /** A visit brought so much more, before it counts among the client's. */
  learn(away: number, filled: number, more: number): void {
    this.#visits++;
    this.#squares += more * more;
    if (filled === 0) return;
    this.#again++;
    this.#products += (more * away) / filled;
  }

  get state(): OwnWaysState {
    return { visits: this.#visits, squares: this.#squares, again: this.#again, products: this.#products };
  }

  restore({ visits, squares, again, products }: OwnWaysState): void {
    this.#visits = visits;
    this.#squares = squares;
    this.#again = again;
    this.#products = products;
  }
}

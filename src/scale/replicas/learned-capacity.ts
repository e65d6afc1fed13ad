/** Share of its processors that a replica is to use at most. */
const TARGET = 0.7;

/** Below this use nothing is learned: what little there is is not the sessions'. */
const LEAST_USE = 0.03;

/** Looks after which old ones count half, about. */
const SPAN = 60;

/**
 * What one replica can carry, learned from what it carries now and the share of its processors that this takes: load over
 * use, at the use that it is to have. Averaged slowly, from the busier moments more than from idle ones.
 */
export class LearnedCapacity {
  #load = 0;
  #use = 0;

  /**
   * Takes a look.
   * @param load of a minute, as it goes
   * @param use share of the processors that may be used, 0..1
   */
  look(load: number, use: number): void {
    if (!(load > 0) || !(use >= LEAST_USE)) return;
    const keep = 1 - 1 / SPAN;
    this.#load = this.#load * keep + load;
    this.#use = this.#use * keep + Math.min(1, use);
  }

  /** What was learned, to be taken up again by {@link restore}. */
  get learned(): [load: number, use: number] {
    return [this.#load, this.#use];
  }

  restore([load, use]: readonly [load: number, use: number]): void {
    this.#load = load;
    this.#use = use;
  }

  /** Load a minute; null where nothing was learned yet. */
  get value(): number | null {
    return this.#use > 0 ? (this.#load / this.#use) * TARGET : null;
  }
}

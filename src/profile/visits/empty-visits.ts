/** Visits that the share of all counts beside those of a client, and that share beside those of late. */
const PRIOR_VISITS = 1;
/** What a client's visit counts, of the one after it. */
export const EMPTY_MEMORY = 0.5;
/** Before any client was seen: half a visit of twenty brought nothing. */
const FIRST_EMPTY = 0.5;
const FIRST = 20;

/** Of a client's visits: how many, how many of them brought nothing, and those with less weight on what is longer ago. */
interface EmptyCounts {
  readonly count: number;
  readonly empty: number;
  readonly emptyLately: number;
}

/** What is kept, to go on from another time. */
export interface EmptyState {
  firstVisits: number;
  firstEmpty: number;
}

/**
 * How likely it is that a visit brings nothing at all. That is an event of its own: in logarithms it lies so far from all
 * others that a mean with it in it is right for neither. Of a client that was there n times, e of them with nothing,
 *
 *     own    = (e + k p) / (n + k)
 *     chance = (e' + k own) / (n' + k),   n' = (1 - m^n) / (1 - m)
 *
 * where p is the share among first visits, so that a client that comes all the time does not count for all, and e' and n' are
 * e and n with the visit i before the last one counted as m^i: such visits come in a row.
 */
export class EmptyVisits {
  #firstVisits = 0;
  #firstEmpty = 0;

  chance({ count, empty, emptyLately }: EmptyCounts): number {
    const ofFirst = (this.#firstEmpty + FIRST_EMPTY) / (this.#firstVisits + FIRST);
    const own = (empty + PRIOR_VISITS * ofFirst) / (count + PRIOR_VISITS);
    const lately = (1 - EMPTY_MEMORY ** count) / (1 - EMPTY_MEMORY);
    return (emptyLately + PRIOR_VISITS * own) / (lately + PRIOR_VISITS);
  }

  /** A visit is over, before it counts among the client's. */
  learn({ count }: Pick<EmptyCounts, 'count'>, isEmpty: boolean): void {
    if (count > 0) return;
    this.#firstVisits++;
    if (isEmpty) this.#firstEmpty++;
  }

  get state(): EmptyState {
    return { firstVisits: this.#firstVisits, firstEmpty: this.#firstEmpty };
  }

  restore({ firstVisits, firstEmpty }: EmptyState): void {
    this.#firstVisits = firstVisits;
    this.#firstEmpty = firstEmpty;
  }
}

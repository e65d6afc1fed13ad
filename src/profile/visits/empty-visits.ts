import type { ClientVisits } from './visit-history.js';

/** Visits that the share of all counts beside those of a client. */
const PRIOR_VISITS = 1;
/** Before any client was seen: half a visit of twenty brought nothing. */
const FIRST_EMPTY = 0.5;
const FIRST = 20;

/** What is kept, to go on from another time. */
export interface EmptyState {
  firstVisits: number;
  firstEmpty: number;
}

/**
 * How likely it is that a visit brings nothing at all. That is an event of its own: in logarithms it lies so far from all
 * others that a mean with it in it is right for neither. Of a client that was there n times, e of them with nothing,
 *
 *     chance = (e + k p) / (n + k)
 *
 * where p is the share among first visits, so that a client that comes all the time does not count for all.
 */
export class EmptyVisits {
  #firstVisits = 0;
  #firstEmpty = 0;

  chance({ count, empty }: ClientVisits): number {
    const ofFirst = (this.#firstEmpty + FIRST_EMPTY) / (this.#firstVisits + FIRST);
    return (empty + PRIOR_VISITS * ofFirst) / (count + PRIOR_VISITS);
  }

  /** A visit is over, before it counts among the client's. */
  learn({ count }: ClientVisits, isEmpty: boolean): void {
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

const DAY_S = 86_400;

/** Places of the day: one a quarter of an hour. */
const PLACES = 96;

/** A value may come so many places early or late. */
const SLACK = 2;

/** How fast a place follows what comes. */
const RATE = 0.2;

/** Values over which distances are averaged. */
const SPAN = 8;

/**
 * How far a stream is from what the same time of day had before: the distance to the nearest of the quarters of an hour
 * around it, so that what is early or late by half an hour is no surprise, averaged over the last values. It finds what
 * no single value shows: a day without its peak, a plateau where a slope should be.
 */
export class DailySeason {
  readonly #places = new Float64Array(PLACES).fill(Number.NaN);
  #distance = 0;

  /**
   * The mean distance of the last values to their times of day; then the value belongs to its place.
   * @param timestamp in seconds of any clock whose days are of 86,400 s
   */
  next(timestamp: number, value: number): number {
    const places = this.#places;
    const place = Math.floor((((timestamp % DAY_S) + DAY_S) % DAY_S) / (DAY_S / PLACES)) % PLACES;
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = -SLACK; i <= SLACK; i++) {
      const distance = Math.abs(places[(place + i + PLACES) % PLACES] - value);
      if (distance < nearest) nearest = distance;
    }
    if (nearest === Number.POSITIVE_INFINITY) nearest = 0;
    this.#distance += (nearest - this.#distance) / SPAN;
    places[place] = Number.isNaN(places[place]) ? value : places[place] + (value - places[place]) * RATE;
    return this.#distance;
  }
}

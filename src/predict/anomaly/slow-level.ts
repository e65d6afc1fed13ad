/** Values that a level looks back on, once it has seen so many. */
const SPAN = 200;

/**
 * The long-run level of a stream: an exponentially weighted mean that starts as a plain average, so that early values
 * don't weigh for ever.
 */
export class SlowLevel {
  /** What the next value is compared with. */
  value = 0;
  #seen = 0;

  /** Takes a value in. */
  add(value: number): void {
    this.#seen++;
    this.value += (value - this.value) / Math.min(this.#seen, SPAN);
  }
}

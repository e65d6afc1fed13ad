/** The median of the last values of a stream: a level that a lone spike doesn't move. */
export class RunningMedian {
  readonly #last: Float64Array;
  readonly #sorted: Float64Array;
  #seen = 0;

  /** @param span how many values, odd */
  constructor(span: number) {
    this.#last = new Float64Array(span);
    this.#sorted = new Float64Array(span);
  }

  /** Takes a value in; the median of the last ones, of fewer at the beginning. */
  next(value: number): number {
    const sorted = this.#sorted;
    const span = sorted.length;
    const place = this.#seen % span;
    let count = Math.min(this.#seen, span);
    if (count === span) {
      // The value that leaves.
      const old = this.#last[place];
      let i = sorted.indexOf(old);
      for (; i < count - 1; i++) sorted[i] = sorted[i + 1];
      count--;
    }
    let i = count;
    for (; i > 0 && sorted[i - 1] > value; i--) sorted[i] = sorted[i - 1];
    sorted[i] = value;
    this.#last[place] = value;
    this.#seen++;
    return sorted[(count + 1) >> 1];
  }
}

/** Minutes of a day, and those that are kept. */
export const DAY = 1440;
export const KEPT_MINUTES = 8 * DAY;

/** Parts of a minute that are kept of the last one: ten seconds each. */
export const PARTS = 6;

/** The load of the last days, minute by minute, and of the last minute by ten seconds. Bounded; minutes count from 0. */
export class LoadHistory {
  readonly #minutes = new Float64Array(KEPT_MINUTES);
  readonly parts = new Float64Array(PARTS);
  /** Minutes that there were. */
  count = 0;

  /** A minute is complete: its parts, in order. */
  add(parts: ArrayLike<number>): void {
    let sum = 0;
    for (let i = 0; i < PARTS; i++) {
      this.parts[i] = parts[i];
      sum += parts[i];
    }
    this.#minutes[this.count++ % this.#minutes.length] = sum;
  }

  /** The load of a minute; 0 of one that is not kept. */
  at(minute: number): number {
    const isKept = minute >= 0 && minute < this.count && this.count - minute <= this.#minutes.length;
    return isKept ? this.#minutes[minute % this.#minutes.length] : 0;
  }

  /** The mean of the minutes from `from` to before `to`, of those that are kept; 0 of none. */
  mean(from: number, to: number): number {
    const first = Math.max(0, from, this.count - this.#minutes.length);
    const last = Math.min(to, this.count);
    let sum = 0;
    for (let minute = first; minute < last; minute++) sum += this.at(minute);
    return last > first ? sum / (last - first) : 0;
  }
}

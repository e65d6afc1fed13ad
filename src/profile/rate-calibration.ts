/** Width of a class, in log1p(bytes/s), and how many there are. */
const WIDTH = 1.5;
const CLASSES = 14;
const FADE = 0.995;
/** Sessions that the factor of all classes counts in each. */
const SHRINK = 20;
const MOST = 50;

/**
 * From the expectation of a logarithm to that of the number: expm1(E[log1p(x)]) is too little, as a few large ones make up
 * for many small. The factor is how much came over how much that was (Duan 1983, smearing), by class of what was expected.
 */
export class RateCalibration {
  /** By class, and of all behind them: what came, and what expm1 of the expectation said. */
  readonly came = new Float64Array(CLASSES + 1);
  readonly told = new Float64Array(CLASSES + 1);
  readonly counts = new Float64Array(CLASSES + 1);

  #classOf(expected: number): number {
    return Math.min(CLASSES - 1, Math.max(0, Math.floor(expected / WIDTH)));
  }

  #factor(at: number, prior: number): number {
    const told = this.told[at];
    if (told <= 0) return prior;
    const share = this.counts[at] / (this.counts[at] + SHRINK);
    return Math.min(MOST, Math.max(1 / MOST, share * (this.came[at] / told) + (1 - share) * prior));
  }

  /** bytes/s to expect where log1p(bytes/s) is expected to be `expected`. */
  rate(expected: number): number {
    const all = Math.min(MOST, this.#factor(CLASSES, 1));
    return Math.max(0, Math.expm1(Math.min(expected, 30))) * this.#factor(this.#classOf(expected), all);
  }

  learn(expected: number, came: number): void {
    const told = Math.max(1, Math.expm1(Math.min(expected, 30)));
    for (const at of [this.#classOf(expected), CLASSES]) {
      this.came[at] = this.came[at] * FADE + came;
      this.told[at] = this.told[at] * FADE + told;
      this.counts[at] = this.counts[at] * FADE + 1;
    }
  }

  restore({ came, told, counts }: Pick<RateCalibration, 'came' | 'told' | 'counts'>): void {
    if (came?.length !== this.came.length) return;
    this.came.set(came);
    this.told.set(told);
    this.counts.set(counts);
  }
}

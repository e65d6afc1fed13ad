import { grown } from '../places.js';

/** Share of what comes that a band leaves out at either end. */
export const TAIL = 0.1;
/** Steps of the offsets, in log1p(bytes) a miss: of each session's own, and of those that all share. */
const OWN_STEP = 0.2;
const SHARED_STEP = 0.004;
/** Offsets stay within this. */
const FAR = 3;
/** log1p of one byte: quantiles below are 0, and are right about silence. */
const ONE_BYTE = Math.LN2;

/**
 * Bands that are kept honest while they are used: adaptive conformal inference (Gibbs and Candès 2021), in the form that
 * follows the quantile itself (Angelopoulos et al. 2023). After each outcome y
 *
 *     high += step * ((y > high) - TAIL),   low -= step * ((y < low) - TAIL)
 *
 * whatever the data do, over many outcomes each is passed as often as it says. Offsets are added to the model's quantiles of
 * log1p(bytes). Those that all sessions share come first, a session learns the rest. Only where a quantile is not 0 it is
 * counted: most seconds are empty, and there both are right.
 */
export class ConformalBands {
  #high: Float32Array;
  #low: Float32Array;
  readonly #sharedHigh: Float32Array;
  readonly #sharedLow: Float32Array;

  constructor(
    readonly horizons: number,
    places: number,
  ) {
    this.#high = new Float32Array(places * horizons);
    this.#low = new Float32Array(places * horizons);
    this.#sharedHigh = new Float32Array(horizons);
    this.#sharedLow = new Float32Array(horizons);
  }

  grow(places: number): void {
    this.#high = grown(this.#high, places * this.horizons);
    this.#low = grown(this.#low, places * this.horizons);
  }

  clear(place: number): void {
    this.#high.fill(0, place * this.horizons, (place + 1) * this.horizons);
    this.#low.fill(0, place * this.horizons, (place + 1) * this.horizons);
  }

  /** The quantile as it is to be told, log1p(bytes). */
  high(place: number, horizon: number, quantile: number): number {
    // What the model holds for silence is left at that.
    if (quantile < ONE_BYTE) return quantile;
    return quantile + this.#sharedHigh[horizon] + this.#high[place * this.horizons + horizon];
  }

  low(place: number, horizon: number, quantile: number): number {
    if (quantile < ONE_BYTE) return quantile;
    return quantile + this.#sharedLow[horizon] + this.#low[place * this.horizons + horizon];
  }

  /** What came, against the band that was told: log1p(bytes) all three. */
  observe(place: number, horizon: number, outcome: number, low: number, high: number): void {
    const at = place * this.horizons + horizon;
    if (high >= ONE_BYTE) {
      const miss = (outcome > high ? 1 : 0) - TAIL;
      this.#high[at] = bounded(this.#high[at] + OWN_STEP * miss);
      this.#sharedHigh[horizon] = bounded(this.#sharedHigh[horizon] + SHARED_STEP * miss);
    }
    if (low >= ONE_BYTE) {
      const miss = (outcome < low ? 1 : 0) - TAIL;
      this.#low[at] = bounded(this.#low[at] - OWN_STEP * miss);
      this.#sharedLow[horizon] = bounded(this.#sharedLow[horizon] - SHARED_STEP * miss);
    }
  }
}

function bounded(offset: number): number {
  return Math.max(-FAR, Math.min(offset, FAR));
}

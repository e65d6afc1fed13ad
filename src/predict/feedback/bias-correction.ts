import { grown } from '../places.js';

/** How fast a bias is learned, a tick, and how much of it is put right. */
const STEP = 0.1;
const SHARE = 0.3;
/** Expected log1p(bytes) below which silence is expected: what comes then says nothing of how much comes else. */
const SILENCE = 0.3;

/** What a client's sessions send more (above 0) or less than the model expects, in log1p(bytes): an average, and a part of it. */
export class BiasCorrection {
  #bias: Float32Array;

  constructor(places: number) {
    this.#bias = new Float32Array(places);
  }

  grow(places: number): void {
    this.#bias = grown(this.#bias, places);
  }

  /** The bias at a place. It goes on where a client comes back: {@link set}. */
  get(place: number): number {
    return this.#bias[place];
  }

  set(place: number, bias: number): void {
    this.#bias[place] = bias;
  }

  /** The expectation as it is to be told. */
  corrected(place: number, expected: number): number {
    return expected > SILENCE ? Math.max(0, expected + SHARE * this.#bias[place]) : expected;
  }

  /** What came, against what the model (not {@link corrected}) expected. */
  observe(place: number, outcome: number, expected: number): void {
    if (expected > SILENCE) this.#bias[place] += STEP * (outcome - expected - this.#bias[place]);
  }
}

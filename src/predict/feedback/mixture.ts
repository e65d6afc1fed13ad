import { grown } from '../places.js';

/** How much a square of an error counts, how fast errors are forgotten, and what the model is trusted with beforehand. */
const RATE = 0.5;
const MEMORY = 0.95;
const TRUST = 6;
/**
 * What one tick can say for the model, and against it. An average that begins at nothing is far off at first, which is no merit
 * of the model's.
 */
const MOST_FOR = 1;
const MOST_AGAINST = 3;
/** Exponents beyond are 0 or 1 anyway. */
const FAR = 30;

/**
 * Which of two forecasts of a session to go by, from how they did in it: weights that fall exponentially with the squares of
 * recent errors (Hedge, Freund and Schapire 1997, with forgetting). A model that does not know a kind of client is overruled
 * by the average within a few ticks.
 */
export class Mixture {
  /** By place: by how much the average's discounted loss is above the model's. */
  #lead: Float32Array;

  constructor(places: number) {
    this.#lead = new Float32Array(places);
  }

  grow(places: number): void {
    this.#lead = grown(this.#lead, places);
  }

  clear(place: number): void {
    this.#lead[place] = 0;
  }

  /** Share of the model, 0 to 1. */
  weight(place: number): number {
    const exponent = TRUST + RATE * this.#lead[place];
    return 1 / (1 + Math.exp(-Math.max(-FAR, Math.min(exponent, FAR))));
  }

  observe(place: number, outcome: number, model: number, average: number): void {
    const gain = (outcome - average) ** 2 - (outcome - model) ** 2;
    this.#lead[place] = this.#lead[place] * MEMORY + Math.max(-MOST_AGAINST, Math.min(gain, MOST_FOR));
  }
}

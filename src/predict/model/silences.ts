import { grown } from '../places.js';

/** Silences that are remembered. */
const MEMORY = 8;
/** Factors of the averages over active ticks, and of whether activity goes on. */
const ACTIVE = 0.3;
const STAY = 0.15;

/**
 * When a session wakes and when it falls silent: who sends a burst every ten seconds has silences of the same length, whatever
 * the packets of its bursts do. From the last eight silences the chance that this one ends now: of those that lasted as long,
 * how many ended there (the empirical hazard).
 */
export class Silences {
  /** Columns that {@link write} fills. */
  static readonly columns = 11;

  #lengths = new Float32Array(0);
  #count = new Uint32Array(0);
  #silent = new Uint32Array(0);
  #run = new Uint32Array(0);
  #amount = new Float32Array(0);
  #last = new Float32Array(0);
  #stay = new Float32Array(0);

  constructor(places: number) {
    this.grow(places);
  }

  grow(places: number): void {
    this.#lengths = grown(this.#lengths, places * MEMORY);
    this.#count = grown(this.#count, places);
    this.#silent = grown(this.#silent, places);
    this.#run = grown(this.#run, places);
    this.#amount = grown(this.#amount, places);
    this.#last = grown(this.#last, places);
    this.#stay = grown(this.#stay, places);
  }

  clear(place: number): void {
    this.#lengths.fill(0, place * MEMORY, (place + 1) * MEMORY);
    for (const values of [this.#count, this.#silent, this.#run, this.#amount, this.#last, this.#stay])
      values[place] = 0;
  }

  /** A tick's log1p(bytes). */
  add(logarithm: number, place: number): void {
    const wasActive = this.#run[place] > 0;
    const isActive = logarithm > 0;
    if (wasActive) this.#stay[place] += STAY * ((isActive ? 1 : 0) - this.#stay[place]);
    if (!isActive) {
      this.#silent[place]++;
      this.#run[place] = 0;
      return;
    }
    const isFirst = this.#last[place] === 0;
    if (!isFirst && this.#silent[place] > 0) {
      this.#lengths[place * MEMORY + (this.#count[place] % MEMORY)] = this.#silent[place];
      this.#count[place]++;
    }
    this.#amount[place] = isFirst ? logarithm : this.#amount[place] + ACTIVE * (logarithm - this.#amount[place]);
    this.#last[place] = logarithm;
    this.#silent[place] = 0;
    this.#run[place]++;
  }

  /**
   * Writes at `at`: log1p of the ticks of this silence, of the last two and of the mean one; the chance that it ends now, to
   * the tick and within one; the share of silences that were shorter; log1p(bytes) of active ticks, an average and the last;
   * log1p of the ticks of this activity; the chance that activity goes on.
   */
  write(into: Float32Array, at: number, place: number): void {
    const silent = this.#silent[place];
    const count = this.#count[place];
    const known = Math.min(count, MEMORY);
    const first = place * MEMORY;
    let [sum, lasted, ended, near, shorter] = [0, 0, 0, 0, 0];
    for (let i = first; i < first + known; i++) {
      const length = this.#lengths[i];
      sum += length;
      if (length < silent) shorter++;
      if (length >= silent) lasted++;
      if (length === silent) ended++;
      if (length >= silent - 1 && length <= silent + 1) near++;
    }
    const before = (back: number): number => (known >= back ? this.#lengths[first + ((count - back) % MEMORY)] : 0);
    into[at] = Math.log1p(silent);
    into[at + 1] = Math.log1p(before(1));
    into[at + 2] = Math.log1p(before(2));
    into[at + 3] = known === 0 ? 0 : Math.log1p(sum / known);
    into[at + 4] = ended / (lasted + 1);
    into[at + 5] = near / (lasted + 1);
    into[at + 6] = known === 0 ? 0 : shorter / known;
    into[at + 7] = this.#amount[place];
    into[at + 8] = this.#last[place];
    into[at + 9] = Math.log1p(this.#run[place]);
    into[at + 10] = this.#stay[place];
  }
}

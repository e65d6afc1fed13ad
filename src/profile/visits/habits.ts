/** What a client (or all) did under each of a few keys: how often, and the sum of what came. */
export class Habits {
  readonly #keys: number[] = [];
  readonly #counts: number[] = [];
  readonly #sums: number[] = [];

  /** @param most keys that are kept: the one with the lowest count gives way. */
  constructor(readonly most: number) {}

  get size(): number {
    return this.#keys.length;
  }

  add(key: number, sum: number, count = 1): void {
    let at = this.#keys.indexOf(key);
    if (at < 0) {
      at = this.#keys.length < this.most ? this.#keys.length : this.#rarest();
      this.#keys[at] = key;
      this.#counts[at] = 0;
      this.#sums[at] = 0;
    }
    this.#counts[at] += count;
    this.#sums[at] += sum;
  }

  /** One more key as it was kept: it is not there yet. */
  restore(key: number, sum: number, count: number): void {
    this.#keys.push(key);
    this.#sums.push(sum);
    this.#counts.push(count);
  }

  #rarest(): number {
    let at = 0;
    for (let i = 1; i < this.#counts.length; i++) if (this.#counts[i] < this.#counts[at]) at = i;
    return at;
  }

  /**
   * The mean of what came under the keys for which `wanted` holds, shrunk to `prior` as if that had come `weight` times:
   * (sum + weight * prior) / (count + weight).
   */
  mean(wanted: (key: number) => boolean, prior: number, weight: number): number {
    let [count, sum] = [0, 0];
    for (let i = 0; i < this.#keys.length; i++) {
      if (!wanted(this.#keys[i])) continue;
      count += this.#counts[i];
      sum += this.#sums[i];
    }
    return (sum + weight * prior) / (count + weight);
  }

  /** The key that came most often; null where none did. */
  get commonest(): number | null {
    let at = -1;
    for (let i = 0; i < this.#counts.length; i++) if (at < 0 || this.#counts[i] > this.#counts[at]) at = i;
    return at < 0 ? null : this.#keys[at];
  }

  *[Symbol.iterator](): Generator<{ key: number; count: number; sum: number }> {
    for (let i = 0; i < this.#keys.length; i++) {
      yield { key: this.#keys[i], count: this.#counts[i], sum: this.#sums[i] };
    }
  }
}

const HOUR = 3600;
const HOURS = 168;
/** Hours that a habit of the day is made of. */
const STRETCH = 3;

/** Hour of the week in UTC, 0 to 167. */
export function hourOfWeek(seconds: number): number {
  return Math.floor(seconds / HOUR) % HOURS;
}

/** Whether two hours of the week are in the same three hours of the day. */
export function isSameStretch(a: number, b: number): boolean {
  return Math.floor((a % 24) / STRETCH) === Math.floor((b % 24) / STRETCH);
}

/** FNV-1a of a name: the key of a function's habit. */
export function nameKey(name: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

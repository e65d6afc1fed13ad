import { RecentMap } from '../../core/recent-map.js';
import type { Brought } from './brought.js';
import { nameKey } from './habits.js';

/** Visits that the mean of a family counts beside those of a function or of a family in it. */
const PRIOR = 5;
/** Functions and families that are kept. */
const MOST = 4096;
/** Families that a name counts for. */
const MOST_FAMILIES = 4;
/** What parts a name into a family and what is of it. */
const SEPARATORS = /[/.~-]/g;

/** Sums. */
interface Group extends Brought {
  count: number;
}

/**
 * Keys of a function: that of its name ({@link nameKey}), and of the families that it is of, from the nearest on: what
 * stands before its last separator, the one before that, and so on (`chat.room.say`: `chat.room.`, `chat.`).
 */
export function functionKeys(name: string): number[] {
  const ends = Array.from(name.matchAll(SEPARATORS), ({ index }) => index + 1).filter((end) => end < name.length);
  const families = ends.slice(-MOST_FAMILIES).reverse();
  return [nameKey(name), ...families.map((end) => nameKey(name.slice(0, end)))];
}

/**
 * What functions bring, by families: the mean of one is shrunk to that of the family around it, and that to the next,
 *
 *     m_0 = prior,   m_i = (sum_i + k m_(i-1)) / (n_i + k)
 *
 * so that a function that nobody called yet begins with what those beside it brought.
 */
export class FunctionMeans {
  readonly #groups = new RecentMap<number, Group>(MOST);

  /** @param keys see {@link functionKeys} */
  mean(keys: readonly number[], prior: Brought): Brought {
    let { bytes, rate } = prior;
    for (let i = keys.length - 1; i >= 0; i--) {
      const group = this.#groups.get(keys[i]);
      if (group === undefined) continue;
      bytes = (group.bytes + PRIOR * bytes) / (group.count + PRIOR);
      rate = (group.rate + PRIOR * rate) / (group.count + PRIOR);
    }
    return { bytes, rate };
  }

  add(keys: readonly number[], { bytes, rate }: Brought): void {
    for (const key of keys) {
      const group = this.#groups.get(key) ?? { count: 0, bytes: 0, rate: 0 };
      group.count++;
      group.bytes += bytes;
      group.rate += rate;
      this.#groups.set(key, group);
    }
  }

  /** To be kept; see {@link restore}. */
  get state(): ReadonlyMap<number, Readonly<Group>> {
    return this.#groups;
  }

  restore(state: ReadonlyMap<number, Readonly<Group>>): void {
    for (const [key, group] of state) this.#groups.set(key, { ...group });
  }
}

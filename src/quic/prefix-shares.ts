import { addressPrefix } from './address-prefix.js';

/** A prefix with fewer connections than this gives none of them away. */
const FEW = 16;

/** Of all places, the share that one newcomer makes free: the prefix with most is looked for less often. */
const GIVEN_AT_ONCE = 0.001;

/** Which address prefix has how many connections: where all places are taken, the largest makes room for the smaller. */
export class PrefixShares<T> {
  readonly #members = new Map<string, T[]>();
  readonly #places = new Map<T, { prefix: string; at: number }>();

  /** @param most places there are. */
  constructor(readonly most: number) {}

  get size(): number {
    return this.#places.size;
  }

  all(): Iterable<T> {
    return this.#places.keys();
  }

  add(connection: T, address: string): void {
    const prefix = addressPrefix(address);
    const members = this.#members.get(prefix) ?? [];
    if (members.length === 0) this.#members.set(prefix, members);
    this.#places.set(connection, { prefix, at: members.push(connection) - 1 });
  }

  delete(connection: T): void {
    const place = this.#places.get(connection);
    if (place === undefined) return;
    this.#places.delete(connection);
    const members = this.#members.get(place.prefix) as T[];
    const last = members.pop() as T;
    if (last !== connection) {
      members[place.at] = last;
      (this.#places.get(last) as { at: number }).at = place.at;
    }
    if (members.length === 0) this.#members.delete(place.prefix);
  }

  /**
   * The connections that are to go for one from `address`, a few of those that came last of the prefix with most; none where that has
   * not twice what the newcomer's has.
   */
  givers(address: string): T[] {
    let largest: T[] = [];
    for (const members of this.#members.values()) if (members.length > largest.length) largest = members;
    const own = this.#members.get(addressPrefix(address))?.length ?? 0;
    const spare = largest.length - Math.max(FEW, 2 * (own + 1));
    return spare <= 0 ? [] : largest.slice(-Math.min(spare, Math.ceil(this.most * GIVEN_AT_ONCE)));
  }
}

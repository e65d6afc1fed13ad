import { addressPrefix } from './address-prefix.js';

/** A prefix with fewer connections than this gives none of them away. */
const FEW = 16;

/** Which address prefix has how many connections: where all places are taken, the largest makes room for the smaller. */
export class PrefixShares {
  readonly #members = new Map<string, number[]>();
  readonly #places = new Map<number, { prefix: string; at: number }>();

  add(index: number, address: string): void {
    const prefix = addressPrefix(address);
    const members = this.#members.get(prefix) ?? [];
    if (members.length === 0) this.#members.set(prefix, members);
    this.#places.set(index, { prefix, at: members.push(index) - 1 });
  }

  delete(index: number): void {
    const place = this.#places.get(index);
    if (place === undefined) return;
    this.#places.delete(index);
    const members = this.#members.get(place.prefix) as number[];
    const last = members.pop() as number;
    if (last !== index) {
      members[place.at] = last;
      (this.#places.get(last) as { at: number }).at = place.at;
    }
    if (members.length === 0) this.#members.delete(place.prefix);
  }

  /**
   * Up to `most` connections that are to go for one from `address`, of those that came last of the prefix with most; none where that
   * has not twice what the newcomer's has.
   */
  givers(address: string, most: number): number[] {
    let largest: number[] = [];
    for (const members of this.#members.values()) if (members.length > largest.length) largest = members;
    const own = this.#members.get(addressPrefix(address))?.length ?? 0;
    const spare = largest.length - Math.max(FEW, 2 * (own + 1));
    return spare <= 0 ? [] : largest.slice(-Math.min(spare, most));
  }
}

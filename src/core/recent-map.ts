import { OldestKeys } from './oldest-keys.js';

/** A map of so many entries at most, in order of last use: what is set moves to the end, and the one longest unused gives way. */
export class RecentMap<K, V> extends Map<K, V> {
  readonly #oldest = new OldestKeys(this);
  /** Entries that were set since one had to give way. */
  #setSince = 0;

  constructor(readonly most: number) {
    super();
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.most) {
      this.#setSince = 0;
      this.delete(this.#oldest.next() as K);
    } else if (++this.#setSince > this.most) this.#oldest.rest();
    return this;
  }
}

/** A map of so many entries at most, in order of last use: what is set moves to the end, and the one longest unused gives way. */
export class RecentMap<K, V> extends Map<K, V> {
  /**
   * Where the oldest is; null: to be looked for. An iterator goes on where it was: a new one would pass all that was removed
   * before it. But it holds all that the map has had since it was used.
   */
  #oldest: MapIterator<K> | null = null;
  /** Entries that were set since one had to give way. */
  #setSince = 0;

  constructor(readonly most: number) {
    super();
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.most) this.#dropOldest();
    else if (++this.#setSince > this.most) this.#oldest = null;
    return this;
  }

  #dropOldest(): void {
    this.#setSince = 0;
    this.#oldest ??= this.keys();
    let next = this.#oldest.next();
    if (next.done) {
      this.#oldest = this.keys();
      next = this.#oldest.next();
    }
    this.delete(next.value as K);
  }
}

/** A map of so many entries at most, in order of last use: what is set moves to the end, and the one longest unused gives way. */
export class RecentMap<K, V> extends Map<K, V> {
  /** Where the oldest is. An iterator goes on where it was: a new one would pass all that was removed before it. */
  #oldest = this.keys();

  constructor(readonly most: number) {
    super();
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.most) {
      let next = this.#oldest.next();
      if (next.done) {
        this.#oldest = this.keys();
        next = this.#oldest.next();
      }
      this.delete(next.value as K);
    }
    return this;
  }
}

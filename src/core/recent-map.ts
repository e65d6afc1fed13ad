/** A map of so many entries at most, in order of last use: what is set moves to the end, and the one longest unused gives way. */
export class RecentMap<K, V> extends Map<K, V> {
  constructor(readonly most: number) {
    super();
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.most) {
      const [oldest] = this.keys();
      this.delete(oldest);
    }
    return this;
  }
}

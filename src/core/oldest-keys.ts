/** The keys of a map one after the other, oldest first, and from the beginning again behind the last. */
export class OldestKeys<K> {
  /**
   * Where the line goes on; null: at its beginning. An iterator goes on where it was: a new one would pass all that was removed
   * before it. But V8's holds all that the map has had since it was used.
   */
  #at: MapIterator<K> | null = null;

  constructor(readonly map: ReadonlyMap<K, unknown>) {}

  /** Undefined where there is none. */
  next(): K | undefined {
    this.#at ??= this.map.keys();
    let next = this.#at.next();
    if (next.done) {
      this.#at = this.map.keys();
      next = this.#at.next();
    }
    return next.value;
  }

  /** To be called where it is not used for a while: it lets go of its place. */
  rest(): void {
    this.#at = null;
  }
}

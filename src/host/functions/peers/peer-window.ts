/** Bytes that a stream may have on the way however much others have, lest those that nobody reads hold up all. */
export const LEAST_UNDER_WAY = 1024;

/** A stream that waits for room. */
export interface Held {
  proceed(): void;
}

/** Bytes of a session that are on the way to the other's client, over all its streams. */
export class PeerWindow {
  #underWay = 0;
  readonly #held = new Set<Held>();

  constructor(
    /** Bytes that there may be, beside what each stream always may. */
    readonly limit: () => number,
  ) {}

  /**
   * Bytes that a stream with `own` on the way may add: up to as much as is free beside it (dynamic thresholds, Choudhury and
   * Hahne 1998), so that a new one finds room where others are not read. 0 where it is not worth a message.
   */
  room(own: number): number {
    const room = Math.max(LEAST_UNDER_WAY, this.limit() - this.#underWay) - own;
    return room < LEAST_UNDER_WAY ? 0 : room;
  }

  added(bytes: number): void {
    this.#underWay += bytes;
  }

  /** The other's client took bytes: those that wait may read on. */
  taken(bytes: number): void {
    this.#underWay -= bytes;
    const held = [...this.#held];
    this.#held.clear();
    for (const stream of held) stream.proceed();
  }

  /** Calls `stream` when there may be room. */
  hold(stream: Held): void {
    this.#held.add(stream);
  }

  /** It waits no more. */
  forget(stream: Held): void {
    this.#held.delete(stream);
  }
}

/** Surprise, in nats, that opens an event: one value in 400. */
const OPENS = 6;

/** Values for which an event is held. */
const HELD = 100;

/** A held event speaks again only if it grows by a factor e less likely. */
const GROWS = 1;

/**
 * One event, one alarm: after a surprise, the values that follow say nothing for a while unless they are more
 * surprising by far. Without it an incident of an hour is sixty alarms.
 */
export class AlarmHold {
  #left = 0;
  #held = 0;

  /** The surprise that is news, in nats: 0 while an event like it is held. */
  next(surprise: number): number {
    if (this.#left > 0) {
      this.#left--;
      if (surprise <= this.#held + GROWS) return 0;
    } else if (surprise <= OPENS) return surprise;
    this.#left = HELD;
    this.#held = surprise;
    return surprise;
  }
}

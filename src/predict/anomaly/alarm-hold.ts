import { CONSTANTS, type DetectorConstants } from './constants.js';

/**
 * One event, one alarm: after a surprise, the values that follow say nothing for a while unless they are more
 * surprising by far. Without it an incident of an hour is sixty alarms.
 */
export class AlarmHold {
  #left = 0;
  #held = 0;

  constructor(readonly constants: DetectorConstants = CONSTANTS) {}

  /** The surprise that is news, in nats: 0 while an event like it is held. */
  next(surprise: number): number {
    const { opens, held, grows } = this.constants;
    if (this.#left > 0) {
      this.#left--;
      if (surprise <= this.#held + grows) return 0;
    } else if (surprise <= opens) return surprise;
    this.#left = held;
    this.#held = surprise;
    return surprise;
  }
}

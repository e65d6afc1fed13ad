import { AlarmHold } from './alarm-hold.js';
import { CONSTANTS, type DetectorConstants } from './constants.js';
import { ALL_EVIDENCE, SeriesEvidence } from './series-evidence.js';

/** A score of 1/2: a value as unlikely as one in 1,000. */
const HALF = Math.log(1_000);

/** From this score on, people are told. */
export const ALARM_SCORE = 0.5;

/** Surprise in nats as a score between 0 and 1. */
export function scoreOf(surprise: number): number {
  return surprise / (surprise + HALF);
}

/**
 * Finds what is unusual in one metric, value by value, without looking ahead, in constant memory. Of several kinds of evidence
 * (`SeriesEvidence`) the most surprising speaks, once an event (`AlarmHold`). Nothing is set for a series, and nothing depends
 * on its unit.
 */
export class SeriesDetector {
  /** The evidence that spoke loudest at the last update: an index of `EVIDENCE`. */
  loudest = 0;

  readonly #evidence: SeriesEvidence;
  readonly #hold: AlarmHold;
  readonly #used: readonly number[];

  /** @param used kinds of evidence that speak, by their index in `EVIDENCE`; fewer for ablations */
  constructor(used: readonly number[] = ALL_EVIDENCE, constants: DetectorConstants = CONSTANTS) {
    this.#used = used;
    this.#evidence = new SeriesEvidence(constants);
    this.#hold = new AlarmHold(constants);
  }

  /** The level that values are compared with. */
  get level(): number {
    return this.#evidence.level;
  }

  /**
   * Takes the next value.
   * @param timestamp in seconds; may repeat, go back or leap
   * @param value the metric's value; what is no finite number is passed over
   * @returns a score between 0 and 1: at {@link ALARM_SCORE} a value so unusual comes once in 1,000
   */
  update(timestamp: number, value: number): number {
    if (!Number.isFinite(value) || !Number.isFinite(timestamp)) return 0;
    const tells = this.#evidence.next(timestamp, value);
    const { surprises } = this.#evidence;
    let most = 0;
    for (const i of this.#used) {
      if (surprises[i] <= most) continue;
      most = surprises[i];
      this.loudest = i;
    }
    const news = this.#hold.next(most);
    return tells ? scoreOf(news) : 0;
  }
}

import { OUTPUT_COLUMNS, OUTPUTS } from '../model/outputs.js';
import { grown } from '../places.js';
import type { SessionRows } from './session-rows.js';

/** Forecasts compared below which nothing is said against a model. */
const LEAST = 100;
/** The challenger may be worse by this share: it was better on what it was validated with. */
const TOLERANCE = 1.05;

/** Two models side by side on live sessions: errors of what each expected of the next tick. */
export class ShadowComparison {
  /** By shard (its rows) and slot: what was expected, champion and challenger, and of which session. */
  readonly #told = new Map<SessionRows, { handles: Int32Array; expected: Float32Array }>();
  #count = 0;
  #champion = 0;
  #challenger = 0;
  #broken = false;

  /** Rows `from` to `to` of a tick: what was expected of it before, then what is expected of the next. */
  compare(rows: SessionRows, from: number, to: number, champion: Float32Array, challenger: Float32Array): void {
    let told = this.#told.get(rows);
    if (told === undefined) {
      told = { handles: new Int32Array(0), expected: new Float32Array(0) };
      this.#told.set(rows, told);
    }
    for (let row = from; row < to; row++) {
      const place = rows.placeOf(row);
      if (place >= told.handles.length) {
        told.handles = grown(told.handles, Math.max(place + 1, told.handles.length * 2));
        told.expected = grown(told.expected, told.handles.length * 2);
      }
      if (told.handles[place] === rows.handles[row]) {
        const outcome = Math.log1p(rows.tickUp[row] + rows.tickDown[row]);
        this.#count++;
        this.#champion += (outcome - told.expected[place * 2]) ** 2;
        this.#challenger += (outcome - told.expected[place * 2 + 1]) ** 2;
      }
      told.handles[place] = rows.handles[row];
      const at = (row - from) * OUTPUT_COLUMNS;
      told.expected[place * 2] = Math.max(0, champion[at + OUTPUTS.mean.at]);
      told.expected[place * 2 + 1] = Math.max(0, challenger[at + OUTPUTS.mean.at]);
      for (let i = at; i < at + OUTPUT_COLUMNS; i++) if (!Number.isFinite(challenger[i])) this.#broken = true;
    }
  }

  /** Why the challenger should not serve; null: nothing speaks against it. `chosen`: errors don't. */
  objection(chosen: boolean): string | null {
    if (this.#broken) return 'it answered live sessions with what is no number';
    if (chosen || this.#count < LEAST || this.#challenger <= this.#champion * TOLERANCE ** 2) return null;
    const error = (sum: number): string => Math.sqrt(sum / this.#count).toFixed(3);
    return `its live error in the shadow was ${error(this.#challenger)}, of the one that serves ${error(this.#champion)}`;
  }
}

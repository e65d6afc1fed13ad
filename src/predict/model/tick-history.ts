import { behaviourOf, REQUEST_TYPES } from '../behaviour.js';

/** Factors of the averages over ticks. */
const FACTORS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9] as const;
/** Ticks that are looked back on one by one. */
const MEMORY = 30;
/** Ticks of the shorter look back. */
const RECENT = 5;

/**
 * What a session did tick by tick, beside the core's features: those decay with every packet, these know how many seconds
 * were empty. Averages of log1p(bytes) are what forecasts of it are measured against; here the model begins with them.
 */
export class TickHistory {
  /** Columns that {@link write} fills. */
  static readonly columns = 4 + 2 * FACTORS.length + 4 + REQUEST_TYPES.length;

  /** Places of the averages of log1p(bytes), and of log1p of averages of bytes, that predict best on their own. */
  static readonly bestLog = 4 + 3;
  static readonly bestBytes = 4 + FACTORS.length + 4;

  readonly #up = new Float64Array(MEMORY);
  readonly #down = new Float64Array(MEMORY);
  readonly #logs = new Float64Array(FACTORS.length);
  readonly #bytes = new Float64Array(FACTORS.length);
  #ticks = 0;

  /** The bytes of a tick, up and down. */
  add(up: number, down: number): void {
    this.#up.copyWithin(0, 1);
    this.#down.copyWithin(0, 1);
    this.#up[MEMORY - 1] = up;
    this.#down[MEMORY - 1] = down;
    const [bytes, logarithm] = [up + down, Math.log1p(up + down)];
    for (let i = 0; i < FACTORS.length; i++) {
      this.#logs[i] += FACTORS[i] * (logarithm - this.#logs[i]);
      this.#bytes[i] += FACTORS[i] * (bytes - this.#bytes[i]);
    }
    this.#ticks++;
  }

  /**
   * Writes the columns at `at`: 1 (there were ticks), log1p of up, down and both in the last tick; averages of log1p(bytes);
   * log1p of averages of bytes; log1p of the largest tick of the last 5 and of the last 30, share of ticks with bytes in
   * each; the kind of the last 30. All 0 where there was no tick.
   */
  write(into: Float32Array, at: number): void {
    into.fill(0, at, at + TickHistory.columns);
    if (this.#ticks === 0) return;
    const [up, down] = [this.#up[MEMORY - 1], this.#down[MEMORY - 1]];
    const looks = [RECENT, MEMORY].map((count) => this.#look(Math.min(count, this.#ticks)));
    const kind = behaviourOf(this.#up, this.#down, MEMORY - Math.min(MEMORY, this.#ticks), MEMORY);
    into.set(
      [
        1,
        Math.log1p(up),
        Math.log1p(down),
        Math.log1p(up + down),
        ...this.#logs,
        ...this.#bytes.map(Math.log1p),
        ...looks.flatMap(({ most, active }) => [Math.log1p(most), active]),
        ...REQUEST_TYPES.map((type) => (type === kind ? 1 : 0)),
      ],
      at,
    );
  }

  /** Largest of the last `count` ticks, and the share of them with bytes. */
  #look(count: number): { most: number; active: number } {
    let [most, active] = [0, 0];
    for (let i = MEMORY - count; i < MEMORY; i++) {
      const bytes = this.#up[i] + this.#down[i];
      most = Math.max(most, bytes);
      if (bytes > 0) active++;
    }
    return { most, active: active / count };
  }
}

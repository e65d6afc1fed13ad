/** Half-lives whose mean gap is compared with the time since the last packet. */
const LANES = ['1s', '10s', '60s'] as const;
const DIRECTIONS = ['in', 'out'] as const;
/** Columns a lane: see {@link PhaseColumns.write}. */
const EACH = 3;
/** Largest that a quotient, and seconds that a difference, can be. */
const MOST = 4;

/**
 * Where a session stands between two packets, from the core's features: who sends every ten seconds is silent for nine and
 * sends in the tenth, which averages can't say.
 */
export class PhaseColumns {
  static readonly columns = DIRECTIONS.length * LANES.length * EACH;

  readonly #places: { idle: number; gap: number; deviation: number }[];

  constructor(features: readonly string[]) {
    const place = (name: string): number => features.indexOf(name);
    this.#places = DIRECTIONS.flatMap((direction) =>
      LANES.map((lane) => ({
        idle: place(`idle.${direction}`),
        gap: place(`${direction}.gap.${lane}`),
        deviation: place(`${direction}.gapDeviation.${lane}`),
      })),
    );
  }

  /** For each direction and half-life: idle / gap; seconds until the gap is over (below 0: it is); deviation / gap. */
  write(row: Float32Array, at: number): void {
    this.#places.forEach(({ idle, gap, deviation }, i) => {
      const [waited, mean, spread] = [idle, gap, deviation].map((place) => Math.expm1(row[place]));
      const column = at + i * EACH;
      if (mean <= 0) {
        row.fill(0, column, column + EACH);
        return;
      }
      row[column] = Math.min(waited / mean, MOST);
      row[column + 1] = Math.max(-MOST, Math.min((mean - waited) / 1000, MOST));
      row[column + 2] = Math.min(spread / mean, MOST);
    });
  }
}

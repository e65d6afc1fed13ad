/**
 * The gate in TypeScript, written with care: all state of a session in one row of a Float64Array, no object and no
 * closure a packet. The baseline of the gate bench: what one would write without WebAssembly.
 */

const LANES = 4;
const [TOKENS, PACKETS, REFILLED, RATE, BURST, PACKET_RATE, PACKET_BURST] = [0, 1, 2, 3, 4, 5, 6];
const [LAST_DIRECTION, RUN, LAST_SIZE, TURNS, REQUEST, REPLY, DELAY, OPENING] = [7, 8, 9, 10, 11, 12, 13, 14];
const COVARIANCE = 16;
/** Of a direction, from IN or OUT: last, bytes, packets, then five statistics of four lanes. */
const [IN, OUT] = [20, 44];
const [LAST, BYTES, COUNT] = [0, 1, 2];
const [WEIGHT, SIZE, SIZE_VARIANCE, GAP, GAP_VARIANCE] = [4, 8, 12, 16, 20];
const STRIDE = 72;
const DECAYS = [100, 1000, 10_000, 60_000].map((halfLife) => -Math.LN2 / halfLife);

export class TypescriptGate {
  readonly #rows: Float64Array;
  readonly #generations: Int32Array;

  constructor(
    readonly sessions: number,
    limits: { rate: number; burst: number; packetRate: number; packetBurst: number },
  ) {
    this.#rows = new Float64Array(sessions * STRIDE);
    this.#generations = new Int32Array(sessions).fill(1);
    for (let row = 0; row < this.#rows.length; row += STRIDE) {
      this.#rows[row + TOKENS] = limits.burst;
      this.#rows[row + PACKETS] = limits.packetBurst;
      this.#rows[row + RATE] = limits.rate / 1000;
      this.#rows[row + BURST] = limits.burst;
      this.#rows[row + PACKET_RATE] = limits.packetRate / 1000;
      this.#rows[row + PACKET_BURST] = limits.packetBurst;
    }
  }

  datagramIn(slot: number, bytes: number, now: number): number {
    if (slot >= this.sessions || (this.#generations[slot] & 1) === 0) return 7;
    const rows = this.#rows;
    const row = slot * STRIDE;
    const elapsed = now - rows[row + REFILLED];
    if (elapsed > 0) {
      rows[row + REFILLED] = now;
      rows[row + TOKENS] = Math.min(rows[row + TOKENS] + elapsed * rows[row + RATE], rows[row + BURST]);
      rows[row + PACKETS] = Math.min(rows[row + PACKETS] + elapsed * rows[row + PACKET_RATE], rows[row + PACKET_BURST]);
    }
    const passes = rows[row + TOKENS] >= bytes && rows[row + PACKETS] >= 1;
    if (passes) {
      rows[row + TOKENS] -= bytes;
      rows[row + PACKETS]--;
      rows[row + IN + BYTES] += bytes;
      rows[row + IN + COUNT]++;
    }
    if (rows[row + OPENING] < 16) rows[row + OPENING]++;
    this.#damp(row + IN, bytes, now);
    rows[row + LAST_SIZE] = bytes;
    if (rows[row + LAST_DIRECTION] === 2) {
      const turns = Math.min(rows[row + TURNS], 8);
      if (turns > 0) rows[row + REPLY] += (rows[row + RUN] - rows[row + REPLY]) / turns;
      rows[row + RUN] = 0;
    }
    rows[row + LAST_DIRECTION] = 1;
    rows[row + RUN] += bytes;
    return passes ? 0 : 1;
  }

  datagramOut(slot: number, bytes: number, now: number): number {
    if (slot >= this.sessions || (this.#generations[slot] & 1) === 0) return 7;
    const rows = this.#rows;
    const row = slot * STRIDE;
    rows[row + OUT + BYTES] += bytes;
    rows[row + OUT + COUNT]++;
    if (rows[row + OPENING] < 16) rows[row + OPENING]++;
    this.#damp(row + OUT, bytes, now);
    for (let lane = 0; lane < LANES; lane++) {
      const product = (bytes - rows[row + OUT + SIZE + lane]) * (rows[row + LAST_SIZE] - rows[row + IN + SIZE + lane]);
      const old = rows[row + COVARIANCE + lane];
      rows[row + COVARIANCE + lane] = old + (product - old) / rows[row + OUT + WEIGHT + lane];
    }
    if (rows[row + LAST_DIRECTION] === 1) {
      const turns = Math.min(++rows[row + TURNS], 8);
      rows[row + REQUEST] += (rows[row + RUN] - rows[row + REQUEST]) / turns;
      rows[row + DELAY] += (Math.max(now - rows[row + IN + LAST], 0) - rows[row + DELAY]) / turns;
      rows[row + RUN] = 0;
    }
    rows[row + LAST_DIRECTION] = 2;
    rows[row + RUN] += bytes;
    return 0;
  }

  #damp(at: number, bytes: number, now: number): void {
    const rows = this.#rows;
    const gap = Math.max(now - rows[at + LAST], 0);
    rows[at + LAST] += gap;
    for (let lane = 0; lane < LANES; lane++) {
      const weight = rows[at + WEIGHT + lane] * Math.exp(gap * DECAYS[lane]) + 1;
      rows[at + WEIGHT + lane] = weight;
      const share = 1 / weight;
      const size = bytes - rows[at + SIZE + lane];
      rows[at + SIZE + lane] += share * size;
      rows[at + SIZE_VARIANCE + lane] = (1 - share) * (rows[at + SIZE_VARIANCE + lane] + share * size * size);
      const difference = gap - rows[at + GAP + lane];
      rows[at + GAP + lane] += share * difference;
      rows[at + GAP_VARIANCE + lane] = (1 - share) * (rows[at + GAP_VARIANCE + lane] + share * difference * difference);
    }
  }
}

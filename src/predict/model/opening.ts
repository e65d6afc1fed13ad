import { grown } from '../places.js';

/** Packets that are looked at. */
const PACKETS = 10;
/** Of the client, of the host, and both together. */
const GROUPS = 3;
const EACH = 6;
/** Bytes up to which a packet is small, up to which it is of middle size, and from which it is full. */
const SMALL = 100;
const MIDDLE = 600;
const FULL = 1200;

const COLUMNS = GROUPS * EACH + 3 + 2 + 3;

/**
 * What the first ten packets look like as a whole: the core has them one by one, and which program they are of shows in their
 * extremes, their spread and how often the direction changes. Kept by place, as it is worked out only while they come.
 */
export class OpeningColumns {
  static readonly columns = COLUMNS;

  readonly #sizes: number;
  readonly #gaps: number;
  #seen = new Uint32Array(0);
  #kept = new Float32Array(0);
  readonly #bytes = new Float64Array(PACKETS);

  constructor(features: readonly string[], places: number) {
    this.#sizes = features.indexOf('opening.size.1');
    this.#gaps = features.indexOf('opening.gap.1');
    this.grow(places);
  }

  grow(places: number): void {
    this.#seen = grown(this.#seen, places);
    this.#kept = grown(this.#kept, places * COLUMNS);
  }

  clear(place: number): void {
    this.#seen[place] = 0;
    this.#kept.fill(0, place * COLUMNS, (place + 1) * COLUMNS);
  }

  /**
   * Writes the columns at `at`, from the core's row at `from`. For the client's packets, the host's and all: count (of ten),
   * log1p of sum, mean, deviation, largest and smallest size; shares of small, middle and full ones; of changes of direction
   * and of sizes that differ; log1p of the whole time, of the mean gap and of its deviation, ms. All 0 before the first.
   */
  write(core: Float32Array, from: number, into: Float32Array, at: number, place = 0): void {
    let count = 0;
    while (count < PACKETS && core[from + this.#sizes + count] !== 0) count++;
    if (count !== this.#seen[place]) {
      this.#seen[place] = count;
      this.#work(core, from, count, place * COLUMNS);
    }
    for (let i = 0; i < COLUMNS; i++) into[at + i] = this.#kept[place * COLUMNS + i];
  }

  #work(core: Float32Array, from: number, count: number, to: number): void {
    const kept = this.#kept;
    const sizes = from + this.#sizes;
    for (let i = 0; i < count; i++) this.#bytes[i] = Math.expm1(Math.abs(core[sizes + i]));
    for (let group = 0; group < GROUPS; group++) {
      let [n, sum, squares, most, least] = [0, 0, 0, 0, Number.POSITIVE_INFINITY];
      for (let i = 0; i < count; i++) {
        if (group < 2 && core[sizes + i] < 0 !== (group === 1)) continue;
        const bytes = this.#bytes[i];
        n++;
        sum += bytes;
        squares += bytes * bytes;
        most = Math.max(most, bytes);
        least = Math.min(least, bytes);
      }
      const mean = n === 0 ? 0 : sum / n;
      const deviation = n === 0 ? 0 : Math.sqrt(Math.max(0, squares / n - mean * mean));
      kept[to + group * EACH] = n / PACKETS;
      kept[to + group * EACH + 1] = Math.log1p(sum);
      kept[to + group * EACH + 2] = Math.log1p(mean);
      kept[to + group * EACH + 3] = Math.log1p(deviation);
      kept[to + group * EACH + 4] = Math.log1p(most);
      kept[to + group * EACH + 5] = n === 0 ? 0 : Math.log1p(least);
    }
    let [small, middle, full, turns, differ, time, squares] = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const bytes = this.#bytes[i];
      if (bytes < SMALL) small++;
      else if (bytes < MIDDLE) middle++;
      else if (bytes >= FULL) full++;
      let isNew = true;
      for (let k = 0; k < i; k++) if (Math.abs(this.#bytes[k] - bytes) < 0.5) isNew = false;
      if (isNew) differ++;
      if (i === 0) continue;
      if (core[sizes + i] < 0 !== core[sizes + i - 1] < 0) turns++;
      const gap = Math.expm1(core[from + this.#gaps + i]);
      time += gap;
      squares += gap * gap;
    }
    const gaps = Math.max(1, count - 1);
    const mean = time / gaps;
    const rest = to + GROUPS * EACH;
    const share = Math.max(1, count);
    kept[rest] = small / share;
    kept[rest + 1] = middle / share;
    kept[rest + 2] = full / share;
    kept[rest + 3] = turns / share;
    kept[rest + 4] = differ / share;
    kept[rest + 5] = Math.log1p(time);
    kept[rest + 6] = Math.log1p(mean);
    kept[rest + 7] = Math.log1p(Math.sqrt(Math.max(0, squares / gaps - mean * mean)));
  }
}

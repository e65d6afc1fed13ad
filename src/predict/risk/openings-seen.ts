import { RecentMap } from '../../core/recent-map.js';

/** Openings that are remembered. */
const MOST = 20_000;

/** Packets that make an opening worth comparing; fewer sizes than this among them say nothing. */
const LEAST_PACKETS = 6;
const LEAST_SIZES = 3;

/** Pauses alike within this many ms are the same. */
const GRAIN_MS = 4;

/**
 * How often a session began exactly as one before: the same sizes, both ways, at the same pauses. Clients that live
 * have pauses of their own; who plays a recording again has not. Bounded: the oldest openings are forgotten.
 */
export class OpeningsSeen {
  readonly #counts = new RecentMap<string, number>(MOST);

  /**
   * Counts an opening in. Returns how many there were like it before.
   * @param sizes log1p of bytes, negative to the client; 0 where there was no packet
   * @param gaps log1p of ms
   */
  note(sizes: Float32Array, gaps: Float32Array): number {
    const key = keyOf(sizes, gaps);
    if (key === null) return 0;
    const before = this.#counts.get(key) ?? 0;
    this.#counts.set(key, before + 1);
    return before;
  }
}

function keyOf(sizes: Float32Array, gaps: Float32Array): string | null {
  const parts: number[] = [];
  const different = new Set<number>();
  for (let i = 0; i < sizes.length && sizes[i] !== 0; i++) {
    const bytes = Math.round(Math.expm1(Math.abs(sizes[i])));
    different.add(bytes);
    parts.push(Math.sign(sizes[i]) * bytes, Math.round(Math.expm1(gaps[i]) / GRAIN_MS));
  }
  return parts.length < 2 * LEAST_PACKETS || different.size < LEAST_SIZES ? null : parts.join();
}

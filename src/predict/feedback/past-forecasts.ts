import { HORIZONS } from '../model/outputs.js';
import { grown } from '../places.js';

/** Numbers kept of a forecast: expectation, low and high quantile, log1p(bytes). */
const KEPT = 3;

/** A forecast whose time has come. */
export interface DueForecast {
  expected: number;
  low: number;
  high: number;
  /** Bytes that the session had seen when it was told. */
  bytes: number;
}

/** Ticks between the forecasts of a horizon that are kept: of a minute one in ten, as they overlap anyway. */
function strideOf(horizon: number): number {
  return Math.max(1, Math.floor(horizon / 6));
}

/** Forecasts of each session until their horizons are over, in ticks. A ring a horizon and session, in flat arrays. */
export class PastForecasts {
  readonly #rings: { horizon: number; stride: number; size: number; kept: Float32Array; bytes: Float64Array }[];
  #ticks = new Uint32Array(0);
  readonly #due: DueForecast = { expected: 0, low: 0, high: 0, bytes: 0 };

  constructor(places: number, horizons: readonly number[] = HORIZONS) {
    this.#rings = horizons.map((horizon) => ({
      horizon,
      stride: strideOf(horizon),
      size: Math.ceil(horizon / strideOf(horizon)),
      kept: new Float32Array(0),
      bytes: new Float64Array(0),
    }));
    this.grow(places);
  }

  grow(places: number): void {
    for (const ring of this.#rings) {
      ring.kept = grown(ring.kept, places * ring.size * KEPT);
      ring.bytes = grown(ring.bytes, places * ring.size);
    }
    this.#ticks = grown(this.#ticks, places);
  }

  clear(place: number): void {
    this.#ticks[place] = 0;
  }

  /** Begins a session's next tick, and returns its number, from 1. */
  advance(place: number): number {
    return ++this.#ticks[place];
  }

  /** The number of the session's present tick, from 1. */
  current(place: number): number {
    return this.#ticks[place];
  }

  /** Keeps a forecast of this tick; the tick's {@link advance} comes first. */
  keep(place: number, horizon: number, expected: number, low: number, high: number, bytes: number): void {
    const ring = this.#rings[horizon];
    const tick = this.#ticks[place];
    if (tick % ring.stride !== 0) return;
    const at = place * ring.size + ((tick / ring.stride) % ring.size);
    ring.kept[at * KEPT] = expected;
    ring.kept[at * KEPT + 1] = low;
    ring.kept[at * KEPT + 2] = high;
    ring.bytes[at] = bytes;
  }

  /** The forecast whose horizon ends with this tick's beginning, or null. It is used again by the next call. */
  due(place: number, horizon: number): DueForecast | null {
    const { horizon: ticks, stride, size, kept, bytes } = this.#rings[horizon];
    const told = this.#ticks[place] - ticks;
    if (told < 1 || told % stride !== 0) return null;
    const at = place * size + ((told / stride) % size);
    const due = this.#due;
    due.expected = kept[at * KEPT];
    due.low = kept[at * KEPT + 1];
    due.high = kept[at * KEPT + 2];
    due.bytes = bytes[at];
    return due;
  }
}

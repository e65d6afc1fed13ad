import { largest } from '../../predict/feedback/feedback.js';
import { OUTPUT_COLUMNS, OUTPUTS } from '../../predict/model/outputs.js';
import { REQUEST_TYPES, type RequestType } from '../../profile/behavioral-profile.js';

/** Ticks in a row for which another kind has to be foretold before it counts. */
const SETTLED = 3;

interface Watched {
  /** Null: who began to watch does not know what the host thinks of it. */
  told: RequestType | null;
  next: RequestType | null;
  ticks: number;
}

/** Follows what kind of request sessions are foretold, of those whose functions have endpoints by kind. */
export class KindWatch {
  readonly #watched = new Map<number, Watched>();
  #changed: { handle: number; requestType: RequestType }[] = [];

  watch(handle: number, told: RequestType | null): void {
    this.#watched.set(handle, { told, next: told, ticks: 0 });
  }

  closed(handle: number): void {
    this.#watched.delete(handle);
  }

  /** Looks at row `row` of a model's outputs. */
  look(handle: number, outputs: Float32Array, row: number): void {
    if (this.#watched.size === 0) return;
    const watched = this.#watched.get(handle);
    if (watched === undefined) return;
    const kind = REQUEST_TYPES[largest(outputs, row * OUTPUT_COLUMNS + OUTPUTS.behaviour.at, REQUEST_TYPES.length)];
    watched.ticks = kind === watched.next ? watched.ticks + 1 : 1;
    watched.next = kind;
    if (kind === watched.told || watched.ticks < SETTLED) return;
    watched.told = kind;
    this.#changed.push({ handle, requestType: kind });
  }

  /** What changed since this was asked last. */
  takeChanged(): { handle: number; requestType: RequestType }[] {
    if (this.#changed.length === 0) return this.#changed;
    const changed = this.#changed;
    this.#changed = [];
    return changed;
  }
}

import { TidegateError } from '../../quic/errors.js';
import { inputPlaces } from '../model/inputs.js';
import { type BatchShape, TARGET_COLUMNS } from '../model/train-graph.js';
import type { Example, Sequence } from './flow-rows.js';

/** Share of the sequences that are rows after packets, each from a state of its own. */
const EVENT_SHARE = 0.4;
/** 0: a capture counts as its steps, or flows; 1: as any other capture. */
const CAPTURE_EVENNESS = 0.3;
const EVENT_EVENNESS = 0.5;
/** Chance that a sequence does without a feature: a stretch of a flow, and rows after first packets, of which there are few. */
const DROPOUT = 0.2;
const EVENT_DROPOUT = 0.4;

export interface Batch {
  features: Float32Array;
  dropout: Float32Array;
  keep: Float32Array;
  targets: Float32Array;
}

/** Running sums of what sequences count, where large captures count less than their size. */
function evened(sequences: readonly Sequence[], count: (sequence: Sequence) => number, evenness: number): Float64Array {
  const sizes = new Map<string, number>();
  for (const one of sequences) sizes.set(one.capture, (sizes.get(one.capture) ?? 0) + count(one));
  let sum = 0;
  return Float64Array.from(sequences, (one) => {
    sum += count(one) / (sizes.get(one.capture) as number) ** evenness;
    return sum;
  });
}

/** Draws batches: stretches of flows, and rows after their first packets. The arrays of a batch are used again. */
export class Batches {
  readonly #flows: Sequence[];
  readonly #events: Example[][];
  /** Sums of the flows' steps, to draw a flow as often as it has steps, and of what its first packets count. */
  readonly #sums: Float64Array;
  readonly #eventSums: Float64Array;
  readonly #batch: Batch;
  /** Columns of a row. */
  readonly width: number;

  constructor(
    rows: readonly Sequence[],
    readonly shape: BatchShape,
    readonly random: () => number,
  ) {
    this.#flows = rows.filter(({ steps }) => steps.length > 0);
    const withEvents = rows.filter(({ events }) => events.size > 0);
    this.#events = withEvents.map(({ events }) => [...events.values()]);
    const first = this.#events[0]?.[0] ?? this.#flows[0]?.steps[0];
    if (first === undefined) throw new TidegateError('TIDEGATE_E_TRAINING', 'there is nothing to train on');
    this.width = first.features.length;
    this.#sums = evened(this.#flows, ({ steps }) => steps.length, CAPTURE_EVENNESS);
    this.#eventSums = evened(withEvents, () => 1, EVENT_EVENNESS);
    const count = shape.sequences * shape.steps;
    this.#batch = {
      features: new Float32Array(count * this.width),
      dropout: new Float32Array(count * this.width),
      keep: new Float32Array(count),
      targets: new Float32Array(count * TARGET_COLUMNS),
    };
  }

  next(): Batch {
    const { features, keep, targets } = this.#batch;
    features.fill(0);
    keep.fill(0);
    targets.fill(0);
    for (let sequence = 0; sequence < this.shape.sequences; sequence++) {
      const isEvents = this.#flows.length === 0 || (this.#events.length > 0 && this.random() < EVENT_SHARE);
      this.#drop(sequence, isEvents ? EVENT_DROPOUT : DROPOUT);
      if (isEvents) this.#drawEvents(sequence);
      else this.#drawSteps(sequence);
    }
    return this.#batch;
  }

  #row(sequence: number, step: number): number {
    return step * this.shape.sequences + sequence;
  }

  #put(row: number, { features, targets }: Example): void {
    this.#batch.features.set(features, row * this.width);
    this.#batch.targets.set(targets, row * TARGET_COLUMNS);
  }

  /** The same features are missing all through a sequence; what it did tick by tick never is. */
  #drop(sequence: number, share: number): void {
    const { dropout } = this.#batch;
    const { ticks, context } = inputPlaces(this.width);
    // What was known at the open is known as a whole, or not at all, which is 0 in live sessions too.
    const known = this.random() < share ? 0 : 1;
    for (let i = 0; i < this.width; i++) {
      const kept = i >= context ? known : i >= ticks ? 1 : this.random() < share ? 0 : 1 / (1 - share);
      for (let step = 0; step < this.shape.steps; step++) dropout[this.#row(sequence, step) * this.width + i] = kept;
    }
  }

  #drawEvents(sequence: number): void {
    for (let step = 0; step < this.shape.steps; step++) {
      const events = this.#events[this.#draw(this.#eventSums)];
      this.#put(this.#row(sequence, step), events[Math.floor(this.random() * events.length)]);
    }
  }

  #drawSteps(sequence: number): void {
    const { steps } = this.#flows[this.#draw(this.#sums)];
    const room = steps.length - this.shape.steps;
    // A flow's beginning counts as often as any other place.
    const from =
      room <= 0 ? 0 : Math.max(0, Math.floor(this.random() * (room + this.shape.steps / 2)) - this.shape.steps / 2);
    for (let step = 0; step < this.shape.steps && from + step < steps.length; step++) {
      const row = this.#row(sequence, step);
      this.#put(row, steps[from + step]);
      this.#batch.keep[row] = step === 0 ? 0 : 1;
    }
  }

  #draw(sums: Float64Array): number {
    const at = this.random() * sums[sums.length - 1];
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

import { SessionTable } from '../../core/session-table.js';
import type { RecordedPacket } from '../packet-file.js';

export interface FeatureRowOptions {
  /** ms between the rows of a flow. */
  tick: number;
  /** ms of a flow's life that rows are written for; Infinity for all of it. */
  horizon: number;
}

/** A flow's features at a tick. `features` is valid until the next row. */
export interface FeatureRow {
  flow: string;
  /** ms since the flow's first packet. */
  time: number;
  /** Bytes since the row before. */
  bytesIn: number;
  bytesOut: number;
  features: Float32Array;
}

interface Flow {
  handle: number;
  /** The first packet's time. */
  start: number;
  nextTick: number;
  bytesIn: number;
  bytesOut: number;
}

/**
 * Plays recorded packets through the core that live ones go through, on each flow's own clock, and gives a row of
 * features at every tick of it, up to the first one after its last packet. Flows may be interleaved.
 */
export class FeatureRows {
  readonly table = new SessionTable();
  readonly #flows = new Map<string, Flow>();

  constructor(readonly options: FeatureRowOptions) {}

  get names(): readonly string[] {
    return this.table.layout.features;
  }

  get flows(): number {
    return this.#flows.size;
  }

  /** Takes a packet; yields the rows of the ticks that passed before it. */
  *packet({ flow: name, time, out, bytes }: RecordedPacket): Generator<FeatureRow> {
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      const handle = this.table.open(0);
      flow = { handle, start: time, nextTick: this.options.tick, bytesIn: 0, bytesOut: 0 };
      this.#flows.set(name, flow);
    }
    const at = time - flow.start;
    yield* this.#ticksUntil(name, flow, at);
    if (out) {
      this.table.core.datagramOut(flow.handle, bytes, at);
      flow.bytesOut += bytes;
    } else {
      this.table.core.datagramIn(flow.handle, bytes, at);
      flow.bytesIn += bytes;
    }
  }

  /** The rows that are left when all packets are in. */
  *end(): Generator<FeatureRow> {
    for (const [name, flow] of this.#flows) {
      yield* this.#ticksUntil(name, flow, flow.nextTick);
    }
  }

  *#ticksUntil(name: string, flow: Flow, until: number): Generator<FeatureRow> {
    const end = Math.min(until, this.options.horizon);
    for (; flow.nextTick <= end; flow.nextTick += this.options.tick) {
      const { handle, bytesIn, bytesOut, nextTick } = flow;
      flow.bytesIn = 0;
      flow.bytesOut = 0;
      yield { flow: name, time: nextTick, bytesIn, bytesOut, features: this.table.features(handle, nextTick) };
    }
  }
}

import { CALL_KINDS, type CallCounts, noCalls } from './functions/call-stats.js';
import type { FunctionCalls } from './shard/messages.js';

/** What functions that clients define are counted under together, as there may be any number of them; and sessions that name none. */
const OF_CLIENTS = '(clients)';
const OF_NONE = '(none)';

/** All that came to pass with a function since the host started. */
export interface FunctionTotal {
  /** Sessions. */
  opened: number;
  bytesIn: number;
  bytesOut: number;
  /** Packets that limits held back. */
  held: number;
  calls: CallCounts;
}

/** Counts by function what sessions of all shards do, and how its endpoints are called. */
export class FunctionTotals {
  readonly #totals = new Map<string, FunctionTotal>();

  /** @param isKnown whether the configuration has a function: names of others are clients' */
  constructor(readonly isKnown: (id: string) => boolean) {}

  [Symbol.iterator](): IterableIterator<[name: string, total: FunctionTotal]> {
    return this.#totals.entries();
  }

  /** What a function is counted under; one that a reload took away keeps its name. */
  nameOf(id: string): string {
    if (id === '') return OF_NONE;
    return this.isKnown(id) || this.#totals.has(id) ? id : OF_CLIENTS;
  }

  #of(name: string): FunctionTotal {
    let total = this.#totals.get(name);
    if (total === undefined) {
      total = { opened: 0, bytesIn: 0, bytesOut: 0, held: 0, calls: noCalls() };
      this.#totals.set(name, total);
    }
    return total;
  }

  /** What a session of a function did. */
  session(id: string, isNew: boolean, did: { bytesIn: number; bytesOut: number; held: number }): void {
    const total = this.#of(this.nameOf(id));
    if (isNew) total.opened++;
    total.bytesIn += did.bytesIn;
    total.bytesOut += did.bytesOut;
    total.held += did.held;
  }

  /** Calls of a shard's endpoints since it told of them last. */
  calls(calls: readonly FunctionCalls[]): void {
    for (const { id, counts } of calls) {
      const total = this.#of(id === null ? OF_CLIENTS : this.nameOf(id)).calls;
      for (const kind of CALL_KINDS) {
        total.done[kind] += counts.done[kind];
        total.failed[kind] += counts.failed[kind];
      }
      counts.classes.forEach((count, i) => {
        total.classes[i] += count;
      });
      total.seconds += counts.seconds;
    }
  }
}

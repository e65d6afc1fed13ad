import type { Will } from './functions/endpoints/will.js';
import type { KeyedWill } from './shard/messages.js';

/**
 * Keeps the wills of all shards' sessions. Those that a shard leaves behind, as it died or had no time, are given to one that lives, or to
 * the next that comes.
 */
export class WillKeeper {
  readonly #ofShards = new Map<number, Map<number, Will>>();
  /** Of shards that went while no other was there. */
  #waiting: Will[] = [];
  /** Shards number their own upwards from 1. */
  #last = 0;

  /** @param give has a shard tell of the ends */
  constructor(readonly give: (shard: number, wills: readonly KeyedWill[]) => void) {}

  #of(shard: number): Map<number, Will> {
    let wills = this.#ofShards.get(shard);
    if (wills === undefined) {
      wills = new Map();
      this.#ofShards.set(shard, wills);
    }
    return wills;
  }

  keep(shard: number, key: number, will: Will): void {
    this.#of(shard).set(key, will);
  }

  drop(shard: number, key: number): void {
    this.#ofShards.get(shard)?.delete(key);
  }

  /** A shard is gone. @param heirs shards that live */
  gone(shard: number, heirs: readonly number[]): void {
    this.#waiting = this.#waiting.concat([...this.#of(shard).values()]);
    this.#ofShards.delete(shard);
    const [heir] = heirs;
    if (heir !== undefined) this.serves(heir);
  }

  /** A shard serves. */
  serves(shard: number): void {
    if (this.#waiting.length === 0) return;
    // It may die before it has told of them.
    const wills = this.#waiting.map((will): KeyedWill => [--this.#last, will]);
    this.#waiting = [];
    for (const [key, will] of wills) this.keep(shard, key, will);
    this.give(shard, wills);
  }
}

import { TimerHeap } from '../../quic/timer-heap.js';
import type { GatedStream } from './gated-stream.js';

/** Tokens worth waiting for: a read of less costs more than it brings. */
export const WORTHWHILE = 4096;

/** Streams that wait for tokens, by slot, behind one timer. */
export class TokenWaiters {
  readonly #bySlot = new Map<number, Set<GatedStream>>();
  readonly #heap = new TimerHeap();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /** @param due when the slot will have tokens, on the clock of performance.now(). */
  add(slot: number, stream: GatedStream, due: number): void {
    let streams = this.#bySlot.get(slot);
    if (streams === undefined) {
      streams = new Set();
      this.#bySlot.set(slot, streams);
    }
    streams.add(stream);
    this.#heap.set(slot, due);
    this.#arm();
  }

  /** A slot's limits changed: look again at once. */
  wake(slot: number): void {
    if (!this.#bySlot.has(slot)) return;
    this.#heap.set(slot, 0);
    this.#arm();
  }

  delete(slot: number): void {
    this.#bySlot.delete(slot);
    this.#heap.delete(slot);
  }

  #arm(): void {
    const next = this.#heap.next();
    if (next >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    // A rate of 0 never comes due by itself; setTimeout's longest is 2^31 - 1.
    const delay = Math.min(Math.max(0, Math.ceil(next - performance.now())), 2 ** 31 - 1);
    this.#timer = setTimeout(() => this.#fire(), delay);
  }

  #fire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (let slot = this.#heap.pop(now); slot >= 0; slot = this.#heap.pop(now)) {
      const streams = this.#bySlot.get(slot);
      this.#bySlot.delete(slot);
      for (const stream of streams ?? []) stream.proceed();
    }
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#bySlot.clear();
  }
}

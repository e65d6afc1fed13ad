import { DeficitRoundRobin } from '../../core/deficit-round-robin.js';
import { type Direction, flag, type SessionTable } from '../../core/session-table.js';
import { TimerHeap } from '../../quic/timer-heap.js';

/** Tokens worth waiting for: a read of less costs more than it brings. */
export const WORTHWHILE = 4096;
const NS_PER_MS = 1e6;
/** setTimeout's longest. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** A stream that waits for tokens. */
export interface TokenWaiter {
  /** Handle and weight of its session. */
  readonly handle: number;
  readonly weight: number;
  /** Tries again; it may wait anew. */
  proceed(direction: Direction): void;
}

/**
 * Streams of a shard that wait for tokens in one direction, behind one timer. Where only the session's own bucket is
 * empty it waits for that. Where its function or the whole shard is over capacity, sessions take turns by weight, those that
 * have just come first: see {@link DeficitRoundRobin}.
 */
export class TokenWaiters {
  readonly #bySlot = new Map<number, Set<TokenWaiter>>();
  readonly #heap = new TimerHeap();
  readonly #queue = new DeficitRoundRobin();
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** When the shared buckets are looked at again. */
  #sharedAt = Number.POSITIVE_INFINITY;
  /** The slot whose turn it is. */
  #served = -1;

  constructor(
    readonly table: SessionTable,
    readonly direction: Direction,
    readonly clock: () => number = () => performance.now(),
  ) {}

  /** Sessions wait for what they share: nobody reads out of turn. */
  get isCrowded(): boolean {
    return this.#queue.size > 0;
  }

  /** Slots with a stream that waits. */
  get size(): number {
    return this.#bySlot.size;
  }

  /** Bytes that a session may move now, as far as turns go. */
  allowance(handle: number): number {
    if (!this.isCrowded) return Number.POSITIVE_INFINITY;
    const slot = this.table.slotOf(handle);
    return slot === this.#served ? this.#queue.left(slot) : 0;
  }

  moved(handle: number, bytes: number): void {
    if (this.isCrowded) this.#queue.spend(this.table.slotOf(handle), bytes);
  }

  /** `waiter.proceed` is called when there may be tokens. */
  add(waiter: TokenWaiter): void {
    const slot = this.table.slotOf(waiter.handle);
    let waiters = this.#bySlot.get(slot);
    if (waiters === undefined) {
      waiters = new Set();
      this.#bySlot.set(slot, waiters);
    }
    waiters.add(waiter);
    // One in the middle of its turn is sorted in at its end.
    if (slot !== this.#served) this.#place(slot, waiter, this.clock());
  }

  /** To the session's own timer, or into the queue for what it shares. */
  #place(slot: number, waiter: TokenWaiter, now: number): void {
    const { core } = this.table;
    const out = flag(this.direction);
    const shared = core.sharedWaitFor(waiter.handle, out, WORTHWHILE, now);
    const all = core.waitFor(waiter.handle, out, WORTHWHILE, now);
    if (all > shared || (shared === 0 && !this.isCrowded)) {
      this.#queue.delete(slot);
      this.#heap.set(slot, now + all / NS_PER_MS);
    } else {
      this.#heap.delete(slot);
      this.#queue.add(slot, waiter.weight);
      this.#sharedAt = Math.min(this.#sharedAt, now + shared / NS_PER_MS);
    }
    this.#arm();
  }

  /** Limits may have changed: everybody that waits is sorted in anew. */
  review(): void {
    const now = this.clock();
    for (const [slot, [waiter]] of this.#bySlot) this.#place(slot, waiter, now);
  }

  delete(handle: number): void {
    const slot = this.table.slotOf(handle);
    this.#bySlot.delete(slot);
    this.#heap.delete(slot);
    this.#queue.delete(slot);
  }

  #arm(): void {
    const next = Math.min(this.#heap.next(), this.#sharedAt);
    if (next >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    // A rate of 0 never comes due by itself.
    const delay = Math.min(Math.max(0, Math.ceil(next - this.clock())), LONGEST_DELAY);
    this.#timer = setTimeout(() => this.fire(), delay);
  }

  /** Serves who is due. */
  fire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = this.clock();
    const due: number[] = [];
    for (let slot = this.#heap.pop(now); slot >= 0; slot = this.#heap.pop(now)) due.push(slot);
    // After the heap is done with: who waits anew may be due at once.
    for (const slot of due) this.#proceed(slot);
    if (now >= this.#sharedAt) this.#takeTurns(now);
    this.#arm();
  }

  /** Turns until the shared tokens are gone or nobody waits for them. */
  #takeTurns(now: number): void {
    // Turns in a row that brought nothing: a whole round of them ends it.
    let idle = 0;
    while (idle < Math.max(this.#queue.size, 1)) {
      const slot = this.#nextTurn(now);
      if (slot < 0) return;
      const before = this.#queue.begin(slot);
      this.#served = slot;
      this.#proceed(slot);
      this.#served = -1;
      const moved = this.#queue.left(slot) < before;
      idle = moved ? 0 : idle + 1;
      this.#endTurn(slot, now, moved);
    }
    // Those that are left have turns and tokens, and nothing came of it: soon again.
    if (this.#queue.size > 0) this.#sharedAt = Math.min(this.#sharedAt, now + 1);
  }

  /** The first in the queue whose function and shard have tokens; -1 where there is none, and it is known when. */
  #nextTurn(now: number): number {
    this.#sharedAt = Number.POSITIVE_INFINITY;
    for (const slot of this.#queue.ids()) {
      const [waiter] = this.#bySlot.get(slot) ?? [];
      if (waiter === undefined) {
        this.#queue.delete(slot);
        continue;
      }
      const shared = this.table.core.sharedWaitFor(waiter.handle, flag(this.direction), WORTHWHILE, now);
      if (shared === 0) return slot;
      this.#sharedAt = Math.min(this.#sharedAt, now + shared / NS_PER_MS);
    }
    return -1;
  }

  /** A turn that was broken off for want of shared tokens is not over: it goes on at the head of the queue. */
  #endTurn(slot: number, now: number, moved: boolean): void {
    const [waiter] = this.#bySlot.get(slot) ?? [];
    if (waiter === undefined) {
      this.#queue.delete(slot);
      return;
    }
    if (!moved || this.#queue.left(slot) < 1) this.#queue.rotate(slot);
    this.#place(slot, waiter, now);
  }

  #proceed(slot: number): void {
    const waiters = this.#bySlot.get(slot);
    this.#bySlot.delete(slot);
    for (const waiter of waiters ?? []) waiter.proceed(this.direction);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#bySlot.clear();
  }
}

/**
 * One timer structure for all connections: a binary heap of indices by deadline over typed arrays. Lazy: a deadline
 * that moves later (as it does with almost every packet) only changes a number; the entry is put right when it comes
 * up. So the hot path costs one comparison.
 */
export class TimerHeap {
  #heap = new Int32Array(64);
  #length = 0;
  /** Position of an index in the heap, -1 where it is not in it. */
  #position = new Int32Array(64).fill(-1);
  /** What the heap is ordered by; never later than the true deadline. */
  #key = new Float64Array(64);
  #deadline = new Float64Array(64);

  /** Sets the deadline of `index`; Infinity removes it when it comes up. */
  set(index: number, deadline: number): void {
    if (index >= this.#position.length) this.#grow(index + 1);
    this.#deadline[index] = deadline;
    const at = this.#position[index];
    if (at < 0) {
      if (deadline === Number.POSITIVE_INFINITY) return;
      if (this.#length === this.#heap.length) this.#heap = grown(this.#heap, this.#heap.length * 2, 0);
      this.#key[index] = deadline;
      this.#place(this.#length++, index);
      this.#up(this.#length - 1);
    } else if (deadline < this.#key[index]) {
      this.#key[index] = deadline;
      this.#up(at);
    }
  }

  delete(index: number): void {
    const at = index < this.#position.length ? this.#position[index] : -1;
    if (at >= 0) this.#removeAt(at);
  }

  /** No deadline is before this; Infinity where there is none. */
  next(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : this.#key[this.#heap[0]];
  }

  /** Takes out an index whose deadline is at or before `now`, or returns -1. */
  pop(now: number): number {
    while (this.#length > 0) {
      const index = this.#heap[0];
      if (this.#key[index] > now) return -1;
      const deadline = this.#deadline[index];
      if (deadline <= now) {
        this.#removeAt(0);
        return index;
      }
      if (deadline === Number.POSITIVE_INFINITY) {
        this.#removeAt(0);
      } else {
        this.#key[index] = deadline;
        this.#down(0);
      }
    }
    return -1;
  }

  #place(at: number, index: number): void {
    this.#heap[at] = index;
    this.#position[index] = at;
  }

  #removeAt(at: number): void {
    this.#position[this.#heap[at]] = -1;
    this.#length--;
    if (at === this.#length) return;
    this.#place(at, this.#heap[this.#length]);
    this.#up(at);
    this.#down(at);
  }

  #up(start: number): void {
    const index = this.#heap[start];
    const key = this.#key[index];
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#key[this.#heap[parent]] <= key) break;
      this.#place(at, this.#heap[parent]);
      at = parent;
    }
    this.#place(at, index);
  }

  #down(start: number): void {
    const index = this.#heap[start];
    const key = this.#key[index];
    let at = start;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.#length) break;
      if (child + 1 < this.#length && this.#key[this.#heap[child + 1]] < this.#key[this.#heap[child]]) child++;
      if (this.#key[this.#heap[child]] >= key) break;
      this.#place(at, this.#heap[child]);
      at = child;
    }
    this.#place(at, index);
  }

  #grow(least: number): void {
    let capacity = this.#position.length;
    while (capacity < least) capacity *= 2;
    this.#position = grown(this.#position, capacity, -1);
    const key = new Float64Array(capacity);
    key.set(this.#key);
    this.#key = key;
    const deadline = new Float64Array(capacity);
    deadline.set(this.#deadline);
    this.#deadline = deadline;
  }
}

function grown(array: Int32Array, capacity: number, fill: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(capacity).fill(fill);
  out.set(array);
  return out;
}

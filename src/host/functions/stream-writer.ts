import type { GatedStream } from '../shard/gated-stream.js';
import type { Waiting } from '../shard/host-session.js';
import type { OutgoingStream } from './handler.js';

const NOTHING = new Uint8Array(0);
/** ms in which a client that takes nothing of what it was sent has stalled. */
const STALLED_MS = 10_000;

interface Pending {
  bytes: Uint8Array;
  resolve: () => void;
}

/** Writes to a stream one after the other; each promise resolves when its bytes were taken, or can no more be. */
export class StreamWriter implements OutgoingStream, Waiting {
  readonly #queue: Pending[] = [];
  #ending = false;
  #settled: (() => void) | null = null;
  /** Bytes that were taken. */
  #moved = 0;

  constructor(readonly stream: GatedStream) {
    stream.handler = {
      ...stream.handler,
      onWritable: () => this.#pump(),
      onStopSending: () => this.giveUp(),
    };
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ending || bytes.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#queue.push({ bytes, resolve });
      if (this.#queue.length > 1) return;
      this.#pump();
      // Nothing tells a stream that its session is over.
      if (this.#queue.length > 0) this.stream.session.waiting.add(this);
    });
  }

  /** Runs `then` when nothing waits any more: taken, or given up. Where nothing is taken for a while `stalled` is told. */
  whenTaken(then: () => void, stalled: () => void): void {
    if (this.#queue.length === 0) {
      then();
      return;
    }
    let before = this.#moved;
    const timer = setInterval(() => {
      if (this.#moved === before) stalled();
      before = this.#moved;
    }, STALLED_MS);
    this.#settled = () => {
      clearInterval(timer);
      then();
    };
  }

  #settle(): void {
    this.stream.session.waiting.delete(this);
    const settled = this.#settled;
    this.#settled = null;
    settled?.();
  }

  /** Ends the stream behind what is written. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#pump();
  }

  reset(code = 0): void {
    this.stream.reset(code);
    this.giveUp();
  }

  #pump(): void {
    const { stream } = this;
    if (stream.isWriteDone) {
      this.giveUp();
      return;
    }
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const isLast = this.#ending && this.#queue.length === 1;
      const taken = stream.write(first.bytes, isLast);
      this.#moved += taken;
      first.bytes = first.bytes.subarray(taken);
      if (first.bytes.length > 0) return;
      this.#queue.shift();
      first.resolve();
      if (stream.isWriteDone) break;
    }
    if (stream.isWriteDone) this.giveUp();
    else {
      if (this.#ending) stream.write(NOTHING, true);
      this.#settle();
    }
  }

  /** What waits can no more be written. */
  giveUp(): void {
    for (const { resolve } of this.#queue.splice(0)) resolve();
    this.#settle();
  }
}

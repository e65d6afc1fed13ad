import type { QuicConnectionHandler } from '../engine.js';
import type { NativeConnection } from '../native.js';
import type { StreamEnds } from './stream-ends.js';

/** Up to so many readers are asked one by one; above, the list that quiche makes (about 10 us) is cheaper. */
const ASK_EACH_UP_TO = 8;
/** While paused streams keep the connection readable, new streams are looked for this often, ms. */
const SCAN_INTERVAL = 10;
/** Writers looked at for STOP_SENDING after each batch. */
const STOP_PROBES = 4;

interface Watched {
  readonly isClosed: boolean;
  handler: QuicConnectionHandler;
}

/**
 * Which streams of a connection have something to say. The binding's `readable()` makes an object with a native
 * iterator (10 us measured), a hundred times one `streamReadable(id)`. So known readers are asked one by one, new
 * streams of the peer at the next IDs in order, and the list is only made where something else must be readable.
 */
export class StreamWatch {
  /** Streams that are read from. */
  readonly #readers: number[] = [];
  readonly #paused = new Set<number>();
  /** Streams that were read to their end since events were raised last. */
  readonly #gone: number[] = [];
  /** Streams of the peer that others overtook: their first bytes have not come. */
  readonly #overtaken = new Set<number>();
  /** Streams that took less than was offered. */
  #blocked: number[] = [];
  /** Streams that are written to; looked at in turn for STOP_SENDING. */
  readonly #writers: number[] = [];
  /** Streams of ours that nobody looks at for STOP_SENDING. */
  readonly #exempt = new Set<number>();
  #probeAt = 0;
  #nextPeerBidirectional: number;
  #nextPeerUnidirectional: number;
  #scanAt = 0;

  constructor(
    readonly native: NativeConnection,
    isServer: boolean,
    readonly ends: StreamEnds,
  ) {
    this.#nextPeerBidirectional = isServer ? 0 : 1;
    this.#nextPeerUnidirectional = isServer ? 2 : 3;
  }

  /** When something that was put off is due, a scan or an end; Infinity where nothing is. */
  get scanDue(): number {
    const scan = this.#scanAt === 0 ? Number.POSITIVE_INFINITY : this.#scanAt;
    return Math.min(scan, this.ends.due);
  }

  /** Whether streams are being written to, which may have room again or be asked to stop, or wait to be ended. */
  get hasWriters(): boolean {
    return this.#writers.length > 0 || this.ends.isWaiting;
  }

  /** Streams that nobody reads for now. */
  get paused(): number {
    return this.#paused.size;
  }

  /**
   * Streams that may hold bytes: those that are read, those that wait, and those of the peer whose first bytes are missing. `most`: how
   * many of a kind the peer may have open. Asks quiche for each of them.
   */
  countOpen(most: number): number {
    let open = this.#readers.length + this.#paused.size;
    for (const id of this.#overtaken) if (!this.native.streamFinished(id)) open++;
    for (let i = 0; i < most; i++) {
      if (!this.native.streamFinished(this.#nextPeerBidirectional + 4 * i)) open++;
      if (!this.native.streamFinished(this.#nextPeerUnidirectional + 4 * i)) open++;
    }
    return open;
  }

  addReader(id: number): void {
    if (!this.#readers.includes(id)) this.#readers.push(id);
  }

  removeReader(id: number): void {
    remove(this.#readers, id);
    this.#paused.delete(id);
    this.#gone.push(id);
  }

  exempt(id: number): void {
    this.#exempt.add(id);
  }

  addWriter(id: number): void {
    if (!this.#exempt.has(id) && !this.#writers.includes(id)) this.#writers.push(id);
  }

  removeWriter(id: number): void {
    this.ends.forget(id);
    remove(this.#writers, id);
    remove(this.#blocked, id);
  }

  addBlocked(id: number): void {
    if (!this.#blocked.includes(id)) this.#blocked.push(id);
    this.addWriter(id);
  }

  pause(id: number): void {
    remove(this.#readers, id);
    this.#paused.add(id);
  }

  /** @returns whether it was paused. */
  resume(id: number): boolean {
    if (!this.#paused.delete(id)) return false;
    this.addReader(id);
    return true;
  }

  raise(connection: Watched, now: number): void {
    // Stops first: once a reset that came along is read, quiche forgets the stream and the code with it.
    if (this.#writers.length > 0) this.#probeStops(connection);
    if (this.ends.isWaiting) this.#raiseEnds(connection, now);
    if (!connection.isClosed) this.#raiseReadable(connection, now);
    if (!connection.isClosed && this.#blocked.length > 0) this.#raiseWritable(connection);
  }

  #raiseReadable(connection: Watched, now: number): void {
    const { native } = this;
    const { handler } = connection;
    this.#gone.length = 0;
    if (!native.isReadable()) {
      this.#scanAt = 0;
      return;
    }
    const readers = this.#readers;
    if (readers.length <= ASK_EACH_UP_TO) {
      for (let i = readers.length - 1; i >= 0; i--) {
        const id = readers[i];
        if (id !== undefined && native.streamReadable(id)) handler.onStreamReadable(id);
        if (connection.isClosed) return;
      }
    }
    while (native.streamReadable(this.#nextPeerBidirectional)) {
      const id = this.#nextPeerBidirectional;
      this.#nextPeerBidirectional += 4;
      this.#raiseNew(handler, id);
      if (connection.isClosed) return;
    }
    while (native.streamReadable(this.#nextPeerUnidirectional)) {
      const id = this.#nextPeerUnidirectional;
      this.#nextPeerUnidirectional += 4;
      this.#raiseNew(handler, id);
      if (connection.isClosed) return;
    }
    if (!native.isReadable()) {
      this.#scanAt = 0;
      return;
    }
    if (this.#paused.size > 0) {
      if (this.#scanAt === 0) this.#scanAt = now + SCAN_INTERVAL;
      if (now < this.#scanAt) return;
    }
    this.#scanAt = 0;
    for (const id of native.readable()) {
      // Who reads one may have read another of the list to its end.
      if (this.#paused.has(id) || this.#gone.includes(id)) continue;
      this.#noteOrder(id);
      this.#raiseNew(handler, id);
      if (connection.isClosed) return;
    }
  }

  #raiseNew(handler: QuicConnectionHandler, id: number): void {
    this.#overtaken.delete(id);
    this.addReader(id);
    handler.onStreamReadable(id);
  }

  /** A stream that overtook others moves the mark past them; those are found by the list when they come. */
  #noteOrder(id: number): void {
    // Bit 0 tells whose stream it is, bit 1 that it is unidirectional (RFC 9000 section 2.1).
    if ((id & 1) !== (this.#nextPeerBidirectional & 1)) return;
    if ((id & 2) === 0) this.#nextPeerBidirectional = this.#pass(this.#nextPeerBidirectional, id);
    else this.#nextPeerUnidirectional = this.#pass(this.#nextPeerUnidirectional, id);
  }

  /** Where the mark is to be once `id` has come. */
  #pass(mark: number, id: number): number {
    for (let overtaken = mark; overtaken < id; overtaken += 4) this.#overtaken.add(overtaken);
    return Math.max(mark, id + 4);
  }

  /** Before others write: what there is of a window is there now. */
  #raiseEnds(connection: Watched, now: number): void {
    for (const id of this.ends.ready(now)) {
      if (connection.isClosed) return;
      connection.handler.onStreamWritable(id);
    }
  }

  #raiseWritable(connection: Watched): void {
    const blocked = this.#blocked;
    this.#blocked = [];
    for (let i = 0; i < blocked.length; i++) {
      const id = blocked[i];
      let capacity: number;
      try {
        capacity = this.native.streamCapacity(id);
      } catch (error) {
        this.#raiseStop(connection, id, error);
        continue;
      }
      if (capacity > 0) {
        connection.handler.onStreamWritable(id);
        if (connection.isClosed) return;
      } else {
        this.addBlocked(id);
      }
    }
  }

  #probeStops(connection: Watched): void {
    const writers = this.#writers;
    for (let n = Math.min(STOP_PROBES, writers.length); n > 0 && writers.length > 0; n--) {
      this.#probeAt = (this.#probeAt + 1) % writers.length;
      const id = writers[this.#probeAt];
      try {
        this.native.streamCapacity(id);
      } catch (error) {
        this.#raiseStop(connection, id, error);
        if (connection.isClosed) return;
      }
    }
  }

  #raiseStop(connection: Watched, id: number, error: unknown): void {
    this.removeWriter(id);
    // A stream that is gone while we still wrote to it was stopped too; its code is lost.
    const match = /^StreamStopped\((\d+)\)$/.exec((error as Error).message);
    connection.handler.onStreamStopped(id, match === null ? 0 : Number(match[1]));
  }
}

function remove(list: number[], id: number): void {
  const at = list.indexOf(id);
  if (at < 0) return;
  list[at] = list[list.length - 1];
  list.pop();
}

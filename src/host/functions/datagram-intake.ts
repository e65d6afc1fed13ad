import { SEAL_TAG_BYTES, SEALED_DATAGRAM_HEAD } from '../../control/sealing.js';
import { isSettled } from '../control/session-seal.js';
import { BatchDelivery, payloadOf } from './delivery.js';
import type { Reply } from './handler.js';
import { fail, type Invocation } from './invocation.js';
import type { MappedSession } from './mapped-function.js';
import { type Batch, ReceiveBuffer } from './receive/receive-buffer.js';
import { openDatagrams } from './sealed/sealed-batch.js';

/** Batches of datagrams that a function has at once; while there are as many, more are gathered. */
const MOST_BUSY = 16;

/** A session's datagrams on their way to a function. What finds no room is dropped and counted, as datagrams are. */
export class DatagramIntake {
  readonly #received: ReceiveBuffer;
  #timer: NodeJS.Timeout | undefined;
  #busy = 0;
  #isClosed = false;
  readonly #send = async (bytes: Uint8Array): Promise<void> => {
    this.owner.facade.sendDatagram(bytes);
  };
  /** What becomes of each batch: one for all, as there may be a batch for each datagram. */
  readonly #handing: Invocation<BatchDelivery, Reply> = {
    kind: 'data',
    call: (delivery) => this.owner.endpoint.data(delivery, this.owner.facade),
    done: (reply, { batch }) => {
      if (reply !== undefined) this.owner.facade.sendDatagram(payloadOf(reply));
      this.owner.pool.give(batch.buffer);
      this.#busy--;
      if (this.#received.length > 0) this.pump();
    },
    failed: (error, isLate, { batch }) => {
      const { pool, session, mapping } = this.owner;
      if (isLate) pool.lose(batch.buffer);
      else pool.give(batch.buffer);
      this.#busy--;
      fail(session, mapping.id, mapping.onError, error);
    },
  };

  constructor(readonly owner: MappedSession) {
    this.#received = new ReceiveBuffer(owner.mapping.criteria, owner.pool, true);
  }

  get length(): number {
    return this.#received.length;
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    const { owner } = this;
    const length = end - start;
    if (length === 0 || this.#isClosed) return;
    const overhead = owner.session.seal === null ? 0 : SEALED_DATAGRAM_HEAD + SEAL_TAG_BYTES;
    if (length > owner.mapping.criteria.receive.maxMessage + overhead) {
      owner.session.noteOversized();
      return;
    }
    if (owner.unread + length > owner.limit) {
      owner.session.shard.undelivered();
      return;
    }
    const now = owner.mapping.criteria.isTimed ? performance.now() : 0;
    this.#received.add(bytes.subarray(start, end), now);
    this.pump(now);
  }

  pump(now = performance.now()): void {
    while (this.#received.length > 0 && this.#busy < MOST_BUSY && !this.#isClosed && this.owner.isOpen) {
      const batch = this.#received.take(now);
      if (batch === null) break;
      const opened = this.#opened(batch);
      if (opened === null) this.owner.pool.give(batch.buffer);
      else this.#deliver(opened);
    }
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    const due = this.#received.dueAt;
    if (this.#isClosed || due === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.pump(), Math.max(1, due - now));
  }

  /** A batch as its function reads it; null: nothing of it can be read. */
  #opened(batch: Batch): Batch | null {
    const { session } = this.owner;
    const { seal } = session;
    if (seal === null || seal.host === null) return batch;
    const isPlainToo = !isSettled(seal);
    const { opened, failed } = openDatagrams(batch, seal.host, isPlainToo);
    for (let i = 0; i < failed; i++) session.shard.undelivered();
    if (failed > 0 && !isPlainToo) session.noteMalformed();
    return opened.spans.length === 0 ? null : opened;
  }

  #deliver(batch: Batch): void {
    this.#busy++;
    this.owner.invoke(this.#handing, new BatchDelivery('datagram', batch, 'none', this.#send));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#received.close();
  }
}

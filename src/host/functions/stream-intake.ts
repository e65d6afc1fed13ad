import { AppError } from '../../control/codes.js';
import { isSettled } from '../control/session-seal.js';
import type { GatedStream } from '../shard/gated-stream.js';
import { BatchDelivery } from './delivery.js';
import { isPromise } from './endpoints/module-endpoint.js';
import type { Reply } from './handler.js';
import { fail, type Invocation } from './invocation.js';
import type { MappedSession } from './mapped-function.js';
import { type Batch, ReceiveBuffer } from './receive/receive-buffer.js';
import { SealedStream, type SealedUnit } from './sealed/sealed-batch.js';
import { SealedHead } from './sealed/sealed-head.js';
import { SealedWriter } from './sealed/sealed-writer.js';
import { StreamWriter } from './stream-writer.js';

/** Bytes that are read at once. */
const READ = 16_384;

/** A stream of a client on its way to a function: read as there is room, handed on as the criteria are met. */
export class StreamIntake {
  #received: ReceiveBuffer;
  /** Of a stream that may be sealed, until that is told. */
  #head: SealedHead | null = null;
  #sealed: SealedStream | null = null;
  #writer: StreamWriter | SealedWriter | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #isPumping = false;
  /** Handed on, and the function is not done with it. */
  isBusy = false;

  constructor(
    readonly owner: MappedSession,
    readonly stream: GatedStream,
  ) {
    this.#received = new ReceiveBuffer(owner.mapping.criteria, owner.pool, false);
    if (owner.session.seal !== null) this.#head = new SealedHead();
    stream.handler = {
      onReadable: () => this.pump(),
      onWritable: () => {},
      onReset: () => this.close(),
      onStopSending: () => {},
    };
    if (stream.bidirectional) this.#writer = new StreamWriter(stream);
  }

  get length(): number {
    return this.#received.length;
  }

  get dueAt(): number {
    return this.#received.dueAt;
  }

  /** Reads and hands on for as long as that goes without waiting. */
  pump(): void {
    // A function that answers at once is done within.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      this.#handOn();
    } finally {
      this.#isPumping = false;
    }
  }

  #handOn(): void {
    const { stream, owner } = this;
    while (!this.isBusy && !this.#isClosed && owner.isOpen) {
      const batch = this.#received.take(performance.now());
      if (batch !== null) {
        this.#unseal(batch);
        continue;
      }
      if (this.#received.isEnded) this.#finish();
      else if (!this.#read()) break;
    }
    if (!this.#isClosed && !this.isBusy) this.#arm();
    if (this.#isClosed && !stream.isReadDone) stream.stopSending(0);
  }

  /** Returns false where nothing more comes now. */
  #read(): boolean {
    const { stream, owner } = this;
    const room = Math.min(READ, owner.limit - owner.unread);
    if (room <= 0) {
      owner.relieve();
      return false;
    }
    if (this.#head !== null) return this.#readHead(this.#head);
    if (stream.isReadDone) return this.#end();
    const length = stream.read(this.#received.room(room));
    if (length < 0) return false;
    this.#received.filled(length, performance.now());
    return this.#added();
  }

  #added(): boolean {
    if (this.#received.isTooLong) return this.#refuse('message-too-long');
    return this.stream.finished ? this.#end() : true;
  }

  /** Finds out whether the stream is sealed. One that was opened before the client knew of it may not be. */
  #readHead(head: SealedHead): boolean {
    const { stream, owner } = this;
    if (!stream.isReadDone) {
      const length = stream.read(head.room);
      if (length < 0) return false;
      head.filled(length);
    }
    const { unit } = head;
    if (unit === null) return stream.isReadDone ? this.#refuse('message-cut-off') : true;
    this.#head = null;
    const { seal } = owner.session;
    if (unit === 'plain' || seal === null) {
      if (seal !== null && isSettled(seal)) return this.#refuse('unsealed');
      this.#received.add(head.seen, performance.now());
      return this.#added();
    }
    if (seal.host !== null && !seal.host.accept('stream', unit)) return this.#refuse('unsealed');
    this.#sealed = new SealedStream(unit, seal.host);
    this.#received = new ReceiveBuffer(owner.mapping.criteria.sealed, owner.pool, false);
    if (this.#writer instanceof StreamWriter && seal.host !== null) {
      this.#writer = new SealedWriter(this.#writer, seal.host);
    }
    return true;
  }

  #end(): boolean {
    return this.#received.end() || this.#refuse('message-cut-off');
  }

  /** Ends a stream that does not keep to what was agreed. Returns false: nothing more comes. */
  #refuse(code: 'message-too-long' | 'message-cut-off' | 'unsealed'): false {
    const { session, mapping } = this.owner;
    session.noteMalformed();
    session.shard.endpointFailed(
      session.identity.client,
      mapping.id,
      code,
      'a stream does not keep to its framing or seal',
    );
    this.abort(AppError[code]);
    return false;
  }

  /** Hands on what can be read. */
  #unseal(batch: Batch): void {
    const taken = this.#sealed?.take(batch) ?? { batch, unit: null };
    const { pool, mapping } = this.owner;
    if (typeof taken === 'string') {
      pool.give(batch.buffer);
      this.#refuse(taken);
    } else if (taken.batch.spans.length > 0 || (batch.ended && mapping.criteria.wantsEnd)) {
      this.#deliver(taken.batch, taken.unit);
    } else {
      // The end alone, sealed.
      pool.give(batch.buffer);
      if (batch.ended) this.#finish();
    }
  }

  #deliver(batch: Batch, unit: SealedUnit | null): void {
    const { owner } = this;
    const { mapping, pool } = owner;
    clearTimeout(this.#timer);
    this.isBusy = true;
    const framing = unit === null ? mapping.criteria.receive.framing : 'none';
    const delivery = new BatchDelivery('stream', batch, framing, (bytes) => this.#send(bytes), unit);
    const goOn = (): void => {
      this.isBusy = false;
      if (batch.ended) this.#finish();
      else this.pump();
    };
    const frame = (reply: Reply): Uint8Array | null => (reply === undefined ? null : delivery.frame(reply));
    const handing: Invocation<BatchDelivery, Uint8Array | null> = {
      kind: 'data',
      call: () => {
        const reply = owner.endpoint.data(delivery, owner.facade);
        return isPromise(reply) ? reply.then(frame) : frame(reply);
      },
      done: (reply) => {
        // Copied at once: it may be of the bytes that came.
        if (reply !== null) void this.#send(reply);
        pool.give(batch.buffer);
        // As fast as the client takes it; who takes nothing loses the stream.
        if (this.#writer === null) goOn();
        else this.#writer.whenTaken(goOn, () => this.abort(AppError['reply-unread']));
      },
      failed: (error, isLate) => {
        if (isLate) pool.lose(batch.buffer);
        else pool.give(batch.buffer);
        this.isBusy = false;
        this.abort(fail(owner.session, mapping.id, mapping.onError, error));
      },
    };
    owner.invoke(handing, delivery);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    if (this.#writer === null) {
      const stream = this.owner.session.openStream(false);
      if (stream === null) return;
      const writer = new StreamWriter(stream);
      const seal = this.#sealed?.seal ?? null;
      this.#writer = seal === null ? writer : new SealedWriter(writer, seal);
    }
    await this.#writer.write(bytes.slice());
  }

  #finish(): void {
    this.#writer?.end();
    this.close();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const due = this.#received.dueAt;
    if (due === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.pump(), Math.max(1, due - performance.now()));
  }

  /** Ends the stream both ways. */
  abort(code: number): void {
    if (!this.stream.isReadDone) this.stream.stopSending(code);
    // Before what waits for the writer goes on.
    this.close();
    if (this.#writer !== null) this.#writer.reset(code);
    else if (!this.stream.isWriteDone) this.stream.reset(code);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#received.close();
    this.owner.streamDone(this);
  }
}

import { AppError } from '../../control/codes.js';
import type { GatedStream } from '../shard/gated-stream.js';
import { BatchDelivery } from './delivery.js';
import type { Reply } from './handler.js';
import { fail } from './invocation.js';
import type { MappedSession } from './mapped-function.js';
import { type Batch, ReceiveBuffer } from './receive/receive-buffer.js';
import { StreamWriter } from './stream-writer.js';

/** Bytes that are read at once. */
const READ = 16_384;

/** A stream of a client on its way to a function: read as there is room, handed on as the criteria are met. */
export class StreamIntake {
  readonly #received: ReceiveBuffer;
  #writer: StreamWriter | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** Handed on, and the function is not done with it. */
  isBusy = false;

  constructor(
    readonly owner: MappedSession,
    readonly stream: GatedStream,
  ) {
    this.#received = new ReceiveBuffer(owner.mapping.criteria, owner.pool, false);
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
    const { stream, owner } = this;
    while (!this.isBusy && !this.#isClosed && owner.isOpen) {
      const batch = this.#received.take(performance.now());
      if (batch !== null) {
        this.#deliver(batch);
        continue;
      }
      if (this.#received.isEnded || !this.#read()) break;
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
    if (stream.isReadDone) return this.#end();
    const length = stream.read(this.#received.room(room));
    if (length < 0) return false;
    this.#received.filled(length, performance.now());
    if (this.#received.isTooLong) {
      this.#refuse('message-too-long');
      return false;
    }
    return stream.finished ? this.#end() : true;
  }

  #end(): boolean {
    if (this.#received.end()) return true;
    this.#refuse('message-cut-off');
    return false;
  }

  #refuse(code: 'message-too-long' | 'message-cut-off'): void {
    const { session, mapping } = this.owner;
    session.noteMalformed();
    session.shard.endpointFailed(session, mapping.id, code, 'a message does not keep to the framing');
    this.abort(AppError[code]);
  }

  #deliver(batch: Batch): void {
    const { owner } = this;
    const { mapping } = owner;
    clearTimeout(this.#timer);
    this.isBusy = true;
    const delivery = new BatchDelivery('stream', batch, mapping.criteria.receive.framing, (bytes) => this.#send(bytes));
    const release = (isHeld: boolean): void => {
      if (batch.buffer.length > 0) {
        if (isHeld) owner.pool.lose(batch.buffer);
        else owner.pool.give(batch.buffer);
      }
      this.isBusy = false;
    };
    owner.invoke(
      async () => {
        const result = owner.endpoint.data(delivery, owner.facade);
        const reply: Reply = await result;
        if (reply !== undefined) await delivery.reply(reply);
      },
      () => {
        release(false);
        if (batch.ended) this.#finish();
        else this.pump();
      },
      (error, isLate) => {
        release(isLate);
        this.abort(fail(owner.session, mapping.id, mapping.onError, error));
      },
    );
  }

  async #send(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) return;
    if (this.#writer === null) {
      const stream = this.owner.session.openStream(false);
      if (stream === null) return;
      this.#writer = new StreamWriter(stream);
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
    if (this.#writer === null) {
      if (!this.stream.isWriteDone) this.stream.reset(code);
    } else this.#writer.reset(code);
    this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#received.close();
    this.owner.streamDone(this);
  }
}

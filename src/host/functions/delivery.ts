import type { Delivery } from './handler.js';
import type { Framing } from './receive/criteria.js';
import { framed } from './receive/frame-scanner.js';
import type { Batch } from './receive/receive-buffer.js';
import type { SealedUnit } from './sealed/sealed-batch.js';

const encoder = new TextEncoder();

/** Messages of a batch, as views. */
class Messages implements Iterable<Uint8Array> {
  constructor(
    readonly bytes: Uint8Array,
    readonly spans: readonly number[],
  ) {}

  *[Symbol.iterator](): Generator<Uint8Array> {
    for (let i = 0; i < this.spans.length; i += 2) yield this.bytes.subarray(this.spans[i], this.spans[i + 1]);
  }
}

/** What is sent of a reply. */
export function payloadOf(reply: Uint8Array | string): Uint8Array {
  return typeof reply === 'string' ? encoder.encode(reply) : reply;
}

/** What is handed to a function. */
export class BatchDelivery implements Delivery {
  readonly bytes: Uint8Array;
  readonly ended: boolean;

  constructor(
    readonly kind: 'datagram' | 'stream',
    readonly batch: Batch,
    readonly framing: Framing,
    readonly send: (bytes: Uint8Array) => Promise<void>,
    readonly sealed: SealedUnit | null = null,
  ) {
    this.bytes = batch.bytes;
    this.ended = batch.ended;
  }

  get messages(): Iterable<Uint8Array> {
    return new Messages(this.bytes, this.batch.spans);
  }

  get lengths(): number[] {
    return Array.from(this.messages, ({ length }) => length);
  }

  /** As it is sent. Throws where it is too long for its frame. */
  frame(bytes: Uint8Array | string): Uint8Array {
    const payload = payloadOf(bytes);
    return this.kind === 'stream' ? framed(this.framing, payload) : payload;
  }

  async reply(bytes: Uint8Array | string): Promise<void> {
    await this.send(this.frame(bytes));
  }
}

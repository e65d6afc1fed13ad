import { FINAL } from '../../../control/sealing.js';
import type { HostSeal } from '../../control/session-seal.js';
import type { Batch } from '../receive/receive-buffer.js';

/** Which units sealed messages are of: an endpoint that opens them itself needs to know. */
export interface SealedUnit {
  unit: number;
  /** The number of the first record in it. */
  record: number;
}

function gathered(batch: Batch, parts: readonly Uint8Array[]): Batch {
  const spans: number[] = [];
  let at = 0;
  for (const { length } of parts) {
    spans.push(at, at + length);
    at += length;
  }
  return { ...batch, bytes: Buffer.concat(parts), spans };
}

/**
 * The datagrams of a batch as they are handed on, and how many are not.
 * @param isPlainToo what is not sealed is taken as it is: it was sent before the client knew
 */
export function openDatagrams(batch: Batch, seal: HostSeal, isPlainToo: boolean): { opened: Batch; failed: number } {
  const parts: Uint8Array[] = [];
  for (let i = 0; i < batch.spans.length; i += 2) {
    const bytes = batch.bytes.subarray(batch.spans[i], batch.spans[i + 1]);
    const part = seal.openDatagram(bytes);
    if (typeof part !== 'string') parts.push(part);
    else if (part === 'foreign' && isPlainToo) parts.push(bytes);
  }
  return { opened: gathered(batch, parts), failed: batch.spans.length / 2 - parts.length };
}

/** The records of one sealed stream, batch after batch. */
export class SealedStream {
  #record = 0;
  #isFinal = false;

  /** @param seal null where the endpoint opens them. */
  constructor(
    readonly unit: number,
    readonly seal: HostSeal | null,
  ) {}

  /** The next batch as it is handed on, or what is wrong with it. */
  take(batch: Batch): { batch: Batch; unit: SealedUnit } | 'unsealed' | 'message-cut-off' {
    const unit = { unit: this.unit, record: this.#record };
    const parts: Uint8Array[] = [];
    for (let i = 0; i < batch.spans.length; i += 2) {
      const flag = batch.bytes[batch.spans[i]];
      // Nothing follows the last record.
      if (this.#isFinal || batch.spans[i] === batch.spans[i + 1]) return 'unsealed';
      this.#isFinal = flag === FINAL;
      const record = this.#record++;
      if (this.seal === null) continue;
      const closed = batch.bytes.subarray(batch.spans[i] + 1, batch.spans[i + 1]);
      const opened = this.seal.open('stream', this.unit, record, flag, closed);
      if (opened === null) return 'unsealed';
      // An end alone is no message.
      if (opened.length > 0) parts.push(opened);
    }
    if (batch.ended && !this.#isFinal) return 'message-cut-off';
    return { batch: this.seal === null ? batch : gathered(batch, parts), unit };
  }
}

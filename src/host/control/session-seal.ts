import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import {
  FINAL,
  SEAL_TAG_BYTES,
  SEALED_DATAGRAM_HEAD,
  type SealDirection,
  sealContext,
  sealInfo,
  sealNonce,
  streamRecord,
  type UnitKind,
  UnitWindow,
  unitAt,
  unitHead,
} from '../../control/sealing.js';
import type { SealPolicy } from './seal-policy.js';

const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';
/** ms after a seal was agreed on in which what was sent before may still come. */
const UNSEALED_MS = 2000;

/** How a session's messages are sealed. */
export interface SessionSeal {
  /** Who reads. */
  policy: SealPolicy;
  /** The client's share, base64url: an endpoint that reads needs it. */
  clientKey: string;
  /** Null where the host can't read. */
  host: HostSeal | null;
  /** When it was agreed on, ms: what was sent before is not sealed. -Infinity: nothing may have been. */
  since: number;
}

/** Whether messages that are sealed like this are for functions with such a policy. */
export function isFor({ policy: { key } }: SessionSeal, policy: SealPolicy | null): boolean {
  return key === (policy?.key ?? null);
}

/** Whether all that comes has to be sealed by now. */
export function isSettled({ since }: SessionSeal): boolean {
  return performance.now() - since > UNSEALED_MS;
}

/** The host's side of a seal: opens what the client sealed, and seals the answers. */
export class HostSeal {
  readonly #up: Buffer;
  readonly #down: Buffer;
  readonly #window = new UnitWindow();
  #next = 0;

  constructor(secret: Uint8Array, salt: Uint8Array) {
    const derive = (direction: SealDirection): Buffer =>
      Buffer.from(hkdfSync('sha256', secret, salt, sealInfo(direction), KEY_BYTES));
    this.#up = derive('up');
    this.#down = derive('down');
  }

  /** Whether a unit's number was not there before. */
  accept(kind: UnitKind, unit: number): boolean {
    return this.#window.accept(kind, unit);
  }

  /** What is in a record; null where it is not the client's. */
  open(kind: UnitKind, unit: number, record: number, flag: number, closed: Uint8Array): Uint8Array | null {
    const at = closed.length - SEAL_TAG_BYTES;
    if (at < 0) return null;
    const cipher = createDecipheriv(CIPHER, this.#up, sealNonce(unit, record));
    cipher.setAAD(sealContext(kind, flag));
    cipher.setAuthTag(closed.subarray(at));
    try {
      return Buffer.concat([cipher.update(closed.subarray(0, at)), cipher.final()]);
    } catch {
      return null;
    }
  }

  /** What is in a datagram; 'foreign' where it is not sealed by the client, 'again' where it came before. */
  openDatagram(bytes: Uint8Array): Uint8Array | 'foreign' | 'again' {
    if (bytes.length < SEALED_DATAGRAM_HEAD + SEAL_TAG_BYTES) return 'foreign';
    const unit = unitAt(bytes, 0);
    const opened = this.open('datagram', unit, 0, FINAL, bytes.subarray(SEALED_DATAGRAM_HEAD));
    if (opened === null) return 'foreign';
    return this.accept('datagram', unit) ? opened : 'again';
  }

  #close(kind: UnitKind, unit: number, record: number, flag: number, bytes: Uint8Array): Uint8Array {
    const cipher = createCipheriv(CIPHER, this.#down, sealNonce(unit, record));
    cipher.setAAD(sealContext(kind, flag));
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  datagram(bytes: Uint8Array): Uint8Array {
    const unit = this.#next++;
    return Buffer.concat([unitHead('datagram', unit), this.#close('datagram', unit, 0, FINAL, bytes)]);
  }

  /** Seals what is written to one stream: head and records, as bytes of that stream. */
  stream(): (bytes: Uint8Array, isLast: boolean) => Uint8Array {
    const unit = this.#next++;
    let record = 0;
    return (bytes, isLast) => {
      const flag = isLast ? FINAL : 0;
      const closed = streamRecord(flag, this.#close('stream', unit, record, flag, bytes));
      return record++ === 0 ? Buffer.concat([unitHead('stream', unit), closed]) : closed;
    };
  }
}

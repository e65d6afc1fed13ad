import { readVarint, varintLength, writeVarint } from '../quic/varint.js';
import { fieldsLength, writeFields } from './capsule.js';
import { CapsuleBody } from './capsule-body.js';
import type { Framing, FramingEvents } from './framing.js';

const NOTHING = new Uint8Array(0);

/** Capsules one behind the other (RFC 9297 section 3.2): type, length, value. */
export class CapsuleFraming implements Framing {
  readonly #body: CapsuleBody;
  readonly #head = new Uint8Array(16);
  #headLength = 0;
  /** Bytes that are to come of a capsule; -1: its head is. */
  #left = -1;

  constructor(events: FramingEvents) {
    this.#body = new CapsuleBody(events);
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left < 0) {
        this.#head[this.#headLength++] = bytes[at++];
        this.#readHead();
        continue;
      }
      const take = Math.min(this.#left, bytes.length - at);
      this.#left -= take;
      const isLast = this.#left === 0;
      if (isLast) this.#left = -1;
      this.#body.push(bytes.subarray(at, at + take), isLast);
      at += take;
    }
  }

  #readHead(): void {
    const type = readVarint(this.#head, 0, this.#headLength);
    if (type < 0) return;
    const length = readVarint(this.#head, 1 << (this.#head[0] >> 6), this.#headLength);
    if (length < 0) return;
    this.#headLength = 0;
    this.#body.begin(type);
    if (length === 0) this.#body.push(NOTHING, true);
    else this.#left = length;
  }

  encode(type: number, fields: readonly number[], payload: Uint8Array): Uint8Array {
    const length = fieldsLength(fields) + payload.length;
    const out = new Uint8Array(varintLength(type) + varintLength(length) + length);
    const behindHead = writeVarint(out, writeVarint(out, 0, type), length);
    out.set(payload, writeFields(out, behindHead, fields));
    return out;
  }

  encodeClose(): Uint8Array {
    return NOTHING;
  }

  encodePing(): Uint8Array {
    return NOTHING;
  }

  encodeFault(): Uint8Array {
    return NOTHING;
  }
}

import { TlvCutter } from '../http3/tlv-cutter.js';
import { varintLength, writeVarint } from '../quic/varint.js';
import { fieldsLength, writeFields } from './capsule.js';
import { CapsuleBody } from './capsule-body.js';
import type { Framing, FramingEvents } from './framing.js';

const NOTHING = new Uint8Array(0);

/** Capsules one behind the other (RFC 9297 section 3.2): type, length, value. */
export class CapsuleFraming implements Framing {
  readonly #cutter: TlvCutter;

  constructor(events: FramingEvents) {
    this.#cutter = new TlvCutter(new CapsuleBody(events));
  }

  push(bytes: Uint8Array): void {
    this.#cutter.push(bytes);
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

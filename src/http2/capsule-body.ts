import { readVarint } from '../quic/varint.js';
import { Capsule, isStreamData, mostBytesOf } from './capsule.js';
import type { FramingEvents } from './framing.js';
import { TcpSessionError } from './session-error.js';

const NOTHING: Uint8Array = new Uint8Array(0);

/** What is in a capsule, as it comes: a stream's bytes are handed on at once, other capsules when they are whole. */
export class CapsuleBody {
  #type = 0;
  #isStream = false;
  /** Bytes of a whole capsule there may be; null: it is passed over. */
  #most: number | null = null;
  #held = NOTHING;
  #streamId = -1;

  constructor(readonly events: Pick<FramingEvents, 'onStreamData' | 'onCapsule'>) {}

  begin(type: number): void {
    this.#type = type;
    this.#isStream = isStreamData(type);
    this.#most = mostBytesOf(type);
    this.#held = NOTHING;
    this.#streamId = -1;
  }

  /** Throws {@link TcpSessionError} where a capsule is longer than its type may be, or ends too early. */
  push(bytes: Uint8Array, isLast: boolean): void {
    if (this.#isStream) this.#pushStream(bytes, isLast);
    else if (this.#most !== null) this.#pushWhole(bytes, isLast, this.#most);
  }

  #pushWhole(bytes: Uint8Array, isLast: boolean, most: number): void {
    const length = this.#held.length + bytes.length;
    if (length > most) throw new TcpSessionError('too-big', `a capsule of type ${this.#type} is over ${most} bytes`);
    const value = this.#held.length === 0 ? bytes : concat(this.#held, bytes);
    if (isLast) this.events.onCapsule(this.#type, value);
    else this.#held = value === bytes ? bytes.slice() : value;
  }

  #pushStream(bytes: Uint8Array, isLast: boolean): void {
    let rest = bytes;
    if (this.#streamId < 0) {
      const head = concat(this.#held, bytes.subarray(0, 8 - this.#held.length));
      this.#streamId = readVarint(head, 0);
      if (this.#streamId < 0) {
        if (isLast) throw new TcpSessionError('protocol', 'stream data without a stream');
        this.#held = head;
        return;
      }
      rest = bytes.subarray((1 << (head[0] >> 6)) - this.#held.length);
      this.#held = NOTHING;
    }
    this.events.onStreamData(this.#streamId, rest, isLast && this.#type === Capsule.STREAM_FIN);
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

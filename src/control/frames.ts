import { joined, u32 } from './bytes.js';

/** What a control stream begins with: `TGC1`. */
export const CONTROL_MAGIC = Uint8Array.from([0x54, 0x47, 0x43, 0x31]);
export const CONTROL_VERSION = 1;
/** Longest control message, bytes. */
export const MOST_CONTROL_BYTES = 65_536;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A message as u32 length and JSON. */
export function encodeControl(message: object): Uint8Array<ArrayBuffer> {
  const json = encoder.encode(JSON.stringify(message));
  return joined([u32(json.length), json]);
}

/** Cuts a byte stream into control messages. */
export class ControlReader {
  /** What is not whole yet, and room behind it: a message may come byte by byte. */
  #bytes = new Uint8Array();
  #end = 0;

  /**
   * Takes bytes. Returns the messages that are whole. Throws RangeError where one is too long, and another error where it is no JSON: then
   * the stream is of no more use.
   */
  push(bytes: Uint8Array): unknown[] {
    const end = this.#end + bytes.length;
    if (end > this.#bytes.length) this.#bytes = joined([this.#bytes, new Uint8Array(2 * end)]);
    const all = this.#bytes;
    all.set(bytes, this.#end);
    const messages: unknown[] = [];
    let at = 0;
    while (end - at >= 4) {
      const from = at + 4;
      const length = new DataView(all.buffer).getUint32(at);
      if (length > MOST_CONTROL_BYTES) throw new RangeError();
      if (end - from < length) break;
      at = from + length;
      messages.push(JSON.parse(decoder.decode(all.subarray(from, at))));
    }
    if (at > 0) all.copyWithin(0, at, end);
    this.#end = end - at;
    return messages;
  }
}

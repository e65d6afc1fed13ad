/** What a control stream begins with: `TGC1`. */
export const CONTROL_MAGIC = Uint8Array.from([0x54, 0x47, 0x43, 0x31]);
export const CONTROL_VERSION = 1;
/** Longest control message, bytes. */
export const MOST_CONTROL_BYTES = 65_536;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A message as u32 length and JSON. */
export function encodeControl(message: object): Uint8Array {
  const json = encoder.encode(JSON.stringify(message));
  const bytes = new Uint8Array(4 + json.length);
  new DataView(bytes.buffer).setUint32(0, json.length);
  bytes.set(json, 4);
  return bytes;
}

export type ControlFault = 'control-too-large' | 'control-malformed';

/** Cuts a byte stream into control messages. */
export class ControlReader {
  #bytes: Uint8Array = new Uint8Array(0);

  /** Takes bytes. Returns the messages that are whole, or what is wrong: then the stream is of no more use. */
  push(bytes: Uint8Array): unknown[] | ControlFault {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    const view = new DataView(joined.buffer);
    const messages: unknown[] = [];
    let at = 0;
    while (joined.length - at >= 4) {
      const length = view.getUint32(at);
      if (length > MOST_CONTROL_BYTES) return 'control-too-large';
      if (joined.length - at - 4 < length) break;
      try {
        messages.push(JSON.parse(decoder.decode(joined.subarray(at + 4, at + 4 + length))));
      } catch {
        return 'control-malformed';
      }
      at += 4 + length;
    }
    this.#bytes = joined.slice(at);
    return messages;
  }
}

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

export type ControlFault = 'control-too-large' | 'control-malformed';

/** Cuts a byte stream into control messages. */
export class ControlReader {
  #bytes: Uint8Array = new Uint8Array(0);

  /** Takes bytes. Returns the messages that are whole, or what is wrong: then the stream is of no more use. */
  push(bytes: Uint8Array): unknown[] | ControlFault {
    const all = joined([this.#bytes, bytes]);
    const view = new DataView(all.buffer);
    const messages: unknown[] = [];
    let at = 0;
    while (all.length - at >= 4) {
      const length = view.getUint32(at);
      if (length > MOST_CONTROL_BYTES) return 'control-too-large';
      if (all.length - at - 4 < length) break;
      try {
        messages.push(JSON.parse(decoder.decode(all.subarray(at + 4, at + 4 + length))));
      } catch {
        return 'control-malformed';
      }
      at += 4 + length;
    }
    this.#bytes = all.slice(at);
    return messages;
  }
}

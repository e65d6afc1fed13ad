import { MOST_JSON_BYTES } from './criteria.js';

/** Brackets inside each other in a message that is looked at. */
const MOST_NESTED = 32;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether a text has brackets nested too deep to be worth reading. */
function isTooDeep(bytes: Uint8Array, from: number, to: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (quoted) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > MOST_NESTED) return true;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return false;
}

/** The field of a JSON message that a path names; undefined where there is none, or the message is no JSON of use. */
export function jsonField(bytes: Uint8Array, from: number, to: number, path: readonly string[]): unknown {
  if (to - from > MOST_JSON_BYTES || isTooDeep(bytes, from, to)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8'));
  } catch {
    return undefined;
  }
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/**
 * Variable-length integers, RFC 9000 section 16. Values stay below 2^53 (JavaScript's exact integers); longer ones,
 * which no identifier in use reaches, read as `Number.MAX_SAFE_INTEGER + 1`-or-more floats and match nothing.
 */

/** Bytes that `value` takes, 1, 2, 4 or 8. */
export function varintLength(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x40000000) return 4;
  return 8;
}

/** Writes `value` at `at` and returns the offset behind it. The buffer must have room. */
export function writeVarint(out: Uint8Array, at: number, value: number): number {
  const length = varintLength(value);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    out[at + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  out[at] |= (Math.log2(length) & 3) << 6;
  return at + length;
}

/**
 * Reads the varint at `at` of bytes that end at `end`.
 * @returns the value, or -1 where it is not complete.
 */
export function readVarint(bytes: Uint8Array, at: number, end: number = bytes.length): number {
  if (at >= end) return -1;
  const first = bytes[at];
  const length = 1 << (first >> 6);
  if (at + length > end) return -1;
  let value = first & 0x3f;
  for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i];
  return value;
}

/** `value` as bytes of its own. */
export function encodeVarint(value: number): Uint8Array {
  const out = new Uint8Array(varintLength(value));
  writeVarint(out, 0, value);
  return out;
}

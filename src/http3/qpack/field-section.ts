import { H3ConnectionError, H3Error, H3StreamError } from '../errors.js';
import { huffmanDecode, huffmanEncode } from './huffman.js';
import { STATIC_TABLE } from './static-table.js';

/** Name (lower case) and value of a field line. */
export type HeaderField = readonly [name: string, value: string];

/** Field values are octets (RFC 9110 section 5.5), a character each; TextDecoder's latin1 is windows-1252. */
const toText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

const exact = new Map<string, number>();
const byName = new Map<string, number>();
STATIC_TABLE.forEach(([name, value], index) => {
  exact.set(`${name}\0${value}`, index);
  if (!byName.has(name)) byName.set(name, index);
});

/** RFC 7541 section 5.1: an integer with an N-bit prefix, behind the bits of `flags`. */
function pushInteger(out: number[], flags: number, prefixBits: number, value: number): void {
  const max = (1 << prefixBits) - 1;
  if (value < max) {
    out.push(flags | value);
    return;
  }
  out.push(flags | max);
  let rest = value - max;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

function pushString(out: number[], flags: number, prefixBits: number, text: string): void {
  const plain = Buffer.from(text, 'latin1');
  const coded = huffmanEncode(plain);
  const huffman = coded.length < plain.length;
  const bytes = huffman ? coded : plain;
  pushInteger(out, flags | (huffman ? 1 << prefixBits : 0), prefixBits, bytes.length);
  for (const byte of bytes) out.push(byte);
}

/** An encoded field section (RFC 9204 section 4.5) that uses the static table alone. */
export function encodeFieldSection(fields: readonly HeaderField[]): Uint8Array {
  const out = [0, 0];
  for (const [name, value] of fields) {
    const index = exact.get(`${name}\0${value}`);
    const nameIndex = byName.get(name);
    if (index !== undefined) {
      pushInteger(out, 0xc0, 6, index);
    } else if (nameIndex !== undefined) {
      pushInteger(out, 0x50, 4, nameIndex);
      pushString(out, 0, 7, value);
    } else {
      pushString(out, 0x20, 3, name);
      pushString(out, 0, 7, value);
    }
  }
  return Uint8Array.from(out);
}

class Reader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  integer(prefixBits: number): number {
    const max = (1 << prefixBits) - 1;
    let value = this.byte() & max;
    if (value < max) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      // Nothing here is ever longer than a stream frame.
      if (value > 0xffffffff) throw failed('integer too large');
      if ((byte & 128) === 0) return value;
    }
  }

  string(prefixBits: number): string {
    const huffman = (this.peek() & (1 << prefixBits)) !== 0;
    const length = this.integer(prefixBits);
    if (this.at + length > this.bytes.length) throw failed('string runs past the section');
    const raw = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    if (!huffman) return toText(raw);
    const decoded = huffmanDecode(raw);
    if (decoded === null) throw failed('wrong Huffman coding');
    return toText(decoded);
  }

  peek(): number {
    if (this.at >= this.bytes.length) throw failed('section ends early');
    return this.bytes[this.at];
  }

  byte(): number {
    const byte = this.peek();
    this.at++;
    return byte;
  }
}

function failed(what: string): H3ConnectionError {
  return new H3ConnectionError(H3Error.QPACK_DECOMPRESSION_FAILED, `QPACK: ${what}`);
}

function fromStatic(index: number): HeaderField {
  const field = STATIC_TABLE[index];
  if (field === undefined) throw failed(`static index ${index}`);
  return field;
}

/**
 * Decodes a field section without a dynamic table.
 * @param maxSize RFC 9114 section 4.2.2: names, values and 32 bytes a line; larger throws {@link H3StreamError}.
 */
export function decodeFieldSection(bytes: Uint8Array, maxSize: number): HeaderField[] {
  const reader = new Reader(bytes);
  if (reader.integer(8) !== 0) throw failed('refers to a dynamic table of size 0');
  reader.integer(7);
  const fields: HeaderField[] = [];
  let size = 0;
  while (reader.at < bytes.length) {
    const field = decodeLine(reader);
    size += field[0].length + field[1].length + 32;
    if (size > maxSize) throw new H3StreamError(H3Error.EXCESSIVE_LOAD, 'header section too large');
    fields.push(field);
  }
  return fields;
}

function decodeLine(reader: Reader): HeaderField {
  const first = reader.peek();
  if ((first & 0x80) !== 0) {
    if ((first & 0x40) === 0) throw failed('dynamic index');
    return fromStatic(reader.integer(6));
  }
  if ((first & 0x40) !== 0) {
    if ((first & 0x10) === 0) throw failed('dynamic name reference');
    const [name] = fromStatic(reader.integer(4));
    return [name, reader.string(7)];
  }
  if ((first & 0x20) !== 0) {
    const name = reader.string(3);
    return [name, reader.string(7)];
  }
  throw failed('post-base reference without a dynamic table');
}

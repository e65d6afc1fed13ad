/**
 * The Huffman code of RFC 7541 Appendix B, which QPACK uses too (RFC 9204 section 4.1.2). The code is canonical: codes
 * of one length are consecutive in the order of their symbols, so the lengths say everything.
 */
// biome-ignore format: a table
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const EOS = 256;
const MAX_LENGTH = 30;

interface LengthClass {
  length: number;
  first: number;
  symbols: number[];
}

const CODES = new Uint32Array(257);
const CLASSES: LengthClass[] = [];

function build(): void {
  let code = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    code *= 2;
    const symbols = LENGTHS.flatMap((l, symbol) => (l === length ? [symbol] : []));
    if (symbols.length === 0) continue;
    CLASSES.push({ length, first: code, symbols });
    for (const symbol of symbols) CODES[symbol] = code++;
  }
}
build();

/** Bytes that `bytes` take when coded. */
export function huffmanLength(bytes: Uint8Array): number {
  let bits = 0;
  for (const byte of bytes) bits += LENGTHS[byte];
  return Math.ceil(bits / 8);
}

export function huffmanEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(huffmanLength(bytes));
  let at = 0;
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    // At most 7 pending bits and a code of 30: within the exact integers, not within 32 bits.
    pending = pending * 2 ** LENGTHS[byte] + CODES[byte];
    bits += LENGTHS[byte];
    while (bits >= 8) {
      const divisor = 2 ** (bits - 8);
      out[at++] = Math.floor(pending / divisor);
      pending %= divisor;
      bits -= 8;
    }
  }
  if (bits > 0) out[at] = (pending << (8 - bits)) | (0xff >> bits);
  return out;
}

/** The decoded bytes, or null where the coding is wrong (EOS inside, or padding that is not the start of EOS). */
export function huffmanDecode(bytes: Uint8Array): Uint8Array | null {
  const out = new Uint8Array(Math.ceil((bytes.length * 8) / 5));
  let written = 0;
  let code = 0;
  let length = 0;
  let nextClass = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >> bit) & 1);
      length++;
      while (nextClass < CLASSES.length && CLASSES[nextClass].length < length) nextClass++;
      if (nextClass === CLASSES.length) return null;
      const candidates = CLASSES[nextClass];
      if (candidates.length !== length) continue;
      const symbol = candidates.symbols[code - candidates.first];
      if (symbol === undefined) continue;
      if (symbol === EOS) return null;
      out[written++] = symbol;
      code = 0;
      length = 0;
      nextClass = 0;
    }
  }
  // RFC 7541 section 5.2: padding is at most 7 bits, all ones.
  if (length > 7 || code !== 2 ** length - 1) return null;
  return out.subarray(0, written);
}

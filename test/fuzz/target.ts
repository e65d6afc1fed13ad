import assert from 'node:assert/strict';
import fc from 'fast-check';

/** A codec under hostile bytes. */
export interface FuzzTarget {
  name: string;
  /** Bytes that are good: what hostile ones are made from. */
  seeds: readonly Uint8Array[];
  /** Takes any bytes, in pieces that end at `cuts`; throws where it does what its format or its RFC does not allow. */
  run(bytes: Uint8Array, cuts: readonly number[]): void;
}

/** One input of a target. */
export interface FuzzInput {
  bytes: Uint8Array;
  cuts: readonly number[];
}

/** Numbers at which formats turn: lengths of varints, signs, ends of ranges. */
const EDGES = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];
const MOST_BYTES = 4096;

const byte = fc.oneof(fc.constantFrom(...EDGES), fc.nat(255));
const edit = fc.record({
  kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'repeat', 'cut', 'splice'),
  at: fc.nat(),
  length: fc.oneof(fc.nat(8), fc.nat(200)),
  byte,
  seed: fc.nat(),
});
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never;

function edited(bytes: Uint8Array, { kind, at, length, byte, seed }: Edit, seeds: readonly Uint8Array[]): Uint8Array {
  const from = bytes.length === 0 ? 0 : at % bytes.length;
  const to = Math.min(bytes.length, from + length);
  const join = (middle: Uint8Array, rest: number): Uint8Array =>
    Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(rest)]);
  switch (kind) {
    case 'set':
      return join(Uint8Array.of(byte), from + 1);
    case 'flip':
      return join(Uint8Array.of(bytes[from] ^ (1 << (byte & 7))), from + 1);
    case 'insert':
      return join(new Uint8Array(length).fill(byte), from);
    case 'remove':
      return join(new Uint8Array(0), to);
    case 'repeat':
      return join(bytes.subarray(from, to), from);
    case 'cut':
      return bytes.subarray(0, from);
    case 'splice': {
      const other = seeds[seed % seeds.length];
      return join(other.subarray(seed % (other.length + 1)), to);
    }
  }
}

/** Inputs made from a target's seeds by a few edits, and now and then of nothing but noise. */
export function hostile({ seeds }: FuzzTarget): fc.Arbitrary<FuzzInput> {
  const made = fc
    .tuple(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 6 }))
    .map(([seed, edits]) => edits.reduce((bytes, one) => edited(bytes, one, seeds), seed).subarray(0, MOST_BYTES));
  const bytes = fc.oneof({ weight: 9, arbitrary: made }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) });
  return fc.record({ bytes, cuts: fc.array(fc.nat(300), { maxLength: 6 }) });
}

/** A stream's bytes in the pieces that `cuts` make, the last one whole. */
export function* pieces(bytes: Uint8Array, cuts: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const cut of cuts) {
    if (at + cut >= bytes.length) break;
    yield bytes.subarray(at, at + cut);
    at += cut;
  }
  yield bytes.subarray(at);
}

/** What `work` returns, or the error that is one of those allowed; any other goes on. */
export function outcome<T>(work: () => T, allowed: readonly (new (...args: never[]) => Error)[]): T | Error {
  try {
    return work();
  } catch (error) {
    if (allowed.some((kind) => error instanceof kind)) return error as Error;
    throw error;
  }
}

/** A stream read whole or in pieces comes to the same, up to the same error. */
export function cutAlike(
  bytes: Uint8Array,
  cuts: readonly number[],
  read: (parts: Iterable<Uint8Array>) => unknown,
): void {
  assert.deepEqual(read(pieces(bytes, cuts)), read([bytes]));
}

import { readFileSync } from 'node:fs';

const WASM = new URL('../../numeric.wasm', import.meta.url);
const PAGE = 65_536;
const DOUBLE = 8;
/** Features that the module works out side by side. */
const LANES = 8;

/** What `assembly/numeric/index.ts` exports; addresses are in bytes. */
interface NumericExports {
  memory: WebAssembly.Memory;
  features(row: number, inputs: number, weights: number, phases: number, out: number, size: number): void;
}

let compiled: WebAssembly.Module | undefined;

/** Small, seeded: the features have to be the same at each start (Marsaglia 2003, xorshift32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/** What features are made of: weights by feature and input, and a phase each. */
export function drawFeatures(
  inputs: number,
  size: number,
  width: number,
  seed = 1,
): { weights: Float64Array; phases: Float64Array } {
  const random = generator(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  const weights = Float64Array.from({ length: inputs * size }, () => normal() / width);
  return { weights, phases: Float64Array.from({ length: size }, () => 2 * Math.PI * random()) };
}

/**
 * Random Fourier features (Rahimi & Recht 2007): with w drawn from a normal distribution of deviation 1/width and b from
 * 0 to 2 pi, the products of cos(w x + b) come near to a Gaussian kernel, so that a linear model on them is nearly kernel
 * regression, at a cost that does not grow with the examples. Worked out by a WASM module of its own, two at a time (SIMD).
 */
export class FourierFeatures {
  readonly #exports: NumericExports;
  readonly #row: Float64Array;
  readonly #out: Float64Array;
  readonly #weightsAt: number;
  readonly #phasesAt: number;

  /** @param size a multiple of 8 */
  constructor(
    readonly inputs: number,
    readonly size: number,
    width: number,
    seed = 1,
  ) {
    if (size % LANES !== 0) throw new RangeError(`${size} features are no multiple of ${LANES}`);
    compiled ??= new WebAssembly.Module(readFileSync(WASM));
    this.#exports = new WebAssembly.Instance(compiled).exports as unknown as NumericExports;
    const { memory } = this.#exports;
    // Whole vectors from the start of the memory on: nothing else is in it.
    const outAt = Math.ceil(inputs / LANES) * LANES;
    const phasesAt = outAt + size;
    const weightsAt = phasesAt + size;
    const missing = (weightsAt + inputs * size) * DOUBLE - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
    const numbers = new Float64Array(memory.buffer);
    const { weights, phases } = drawFeatures(inputs, size, width, seed);
    numbers.set(phases, phasesAt);
    for (let k = 0; k < size; k++) {
      const group = weightsAt + (k - (k % LANES)) * inputs + (k % LANES);
      for (let i = 0; i < inputs; i++) numbers[group + i * LANES] = weights[k * inputs + i];
    }
    this.#row = numbers.subarray(0, inputs);
    this.#out = numbers.subarray(outAt, outAt + size);
    this.#phasesAt = phasesAt * DOUBLE;
    this.#weightsAt = weightsAt * DOUBLE;
  }

  /** Writes the features of the first columns of `row` at `at`; `into` may be `row`. */
  write(row: Float64Array, into: Float64Array, at: number): void {
    const mine = this.#row;
    for (let i = 0; i < mine.length; i++) mine[i] = row[i];
    this.#exports.features(0, this.inputs, this.#weightsAt, this.#phasesAt, this.#out.byteOffset, this.size);
    into.set(this.#out, at);
  }
}

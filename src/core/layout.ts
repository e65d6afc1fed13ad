import { TidegateError } from '../quic/errors.js';

/** Numbers that the core exports: offsets, strides, bounds. `assembly/layout.ts` says what each one is. */
/** Places and sizes, by name. */
export type LayoutNumbers = Readonly<Record<LayoutName, number>>;

const NAMES = [
  'GENERATION',
  'PUBLISHED',
  'FLAGS',
  'FLAG_LEVEL_SHIFT',
  'FLAG_LEVEL_MASK',
  'IN_BUCKET',
  'OUT_BUCKET',
  'BUCKET_RATE',
  'BUCKET_BURST',
  'BUCKET_PACKET_RATE',
  'BUCKET_PACKET_BURST',
  'IN_STATS',
  'OUT_STATS',
  'STAT_TOTAL_BYTES',
  'STAT_TOTAL_PACKETS',
  'LIMITS_GENERATION',
  'IN_LIMITS',
  'OUT_LIMITS',
  'LIMIT_RATE',
  'LIMIT_BURST',
  'LIMIT_PACKET_RATE',
  'LIMIT_PACKET_BURST',
  'LIMITS_LEVEL',
  'LIMITS_BUFFER',
  'EVENTS',
  'EVENT_COUNT',
  'EVENT_STREAMS_OPENED',
  'EVENT_RESETS',
  'EVENT_REFUSED_OPENS',
  'EVENT_MALFORMED',
  'EVENT_OVERSIZED',
  'EVENT_DROPPED',
  'EVENT_WAITED',
  'EVENT_AUTH_FAILURES',
  'STRIDE',
  'SLOT_BITS',
  'MAX_SLOTS',
  'MAX_FUNCTIONS',
  'MAX_RATE',
  'MAX_BURST',
  'CONTROL_RESERVE_BYTES',
  'DROPS',
  'WAITS',
  'CLAMPED',
  'MATRIX_BEGUN',
  'MATRIX_COMPLETE',
  'MATRIX_BUFFERS',
  'MATRIX_BUFFER_STRIDE',
  'SCRATCH',
  'SCRATCH_SIZE',
  'BATCH_STRIDE',
  'TABLE',
  'CHUNK_SLOTS',
  'CHUNK',
  'CHUNK_ROWS',
  'CHUNK_BUFFER',
  'CHUNK_HEADS',
  'FEATURES',
  'ROW',
  'ROW_HEAD',
  'HEAD_BYTES_IN',
  'HEAD_BYTES_OUT',
  'OPENING_PACKETS',
] as const;

export type LayoutName = (typeof NAMES)[number];

/** Why a packet did not pass, by the number that the core answers. */
export const VERDICTS = [
  'pass',
  'sessionBytes',
  'sessionPackets',
  'functionBytes',
  'functionPackets',
  'shardBytes',
  'shardPackets',
  'closed',
] as const;

/** The verdict that lets a packet through. */
export const PASS = VERDICTS.indexOf('pass');

/** The layout as plain data: it can be posted to another thread together with the memory. */
export interface CoreLayout {
  readonly at: LayoutNumbers;
  /** Milliseconds, one a lane of the damped statistics. */
  readonly halfLives: readonly number[];
  /** Names of a row's columns. */
  readonly features: readonly string[];
}

/** What a thread needs to read and write a core's memory: both can be posted. */
export interface CoreShare {
  readonly memory: WebAssembly.Memory;
  readonly layout: CoreLayout;
}

/** Reads the layout that a core's module exports. Throws TIDEGATE_E_CORE where the module is of another version. */
export function readLayout(exports: WebAssembly.Exports, memory: WebAssembly.Memory): CoreLayout {
  const number = (name: string): number => {
    const value = exports[name];
    if (!(value instanceof WebAssembly.Global)) {
      throw new TidegateError('TIDEGATE_E_CORE', `core.wasm exports no ${name}`, {
        hint: 'build again: npm run build',
      });
    }
    return Number(value.value);
  };
  const at = Object.fromEntries(NAMES.map((name) => [name, number(name)])) as LayoutNumbers;
  const halfLives = Array.from({ length: number('HALF_LIVES') }, (_, i) => number(`HALF_LIFE_${i}`));
  const features = readString(memory, number('FEATURE_NAMES'))
    .split(' ')
    .flatMap((name) => expanded(name, halfLives, at.OPENING_PACKETS));
  if (features.length !== at.FEATURES) {
    throw new TidegateError('TIDEGATE_E_CORE', `core.wasm names ${features.length} of ${at.FEATURES} features`);
  }
  return { at, halfLives, features };
}

function expanded(name: string, halfLives: number[], openingPackets: number): string[] {
  if (name.endsWith('@')) return halfLives.map((ms) => `${name.slice(0, -1)}.${ms / 1000}s`);
  if (name.endsWith('#')) return Array.from({ length: openingPackets }, (_, i) => `${name.slice(0, -1)}.${i + 1}`);
  return [name];
}

/** A string of AssemblyScript: UTF-16, its length in bytes in the four bytes before it. */
function readString(memory: WebAssembly.Memory, address: number): string {
  const bytes = new DataView(memory.buffer).getUint32(address - 4, true);
  return String.fromCharCode(...new Uint16Array(memory.buffer, address, bytes / 2));
}

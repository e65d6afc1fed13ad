import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { RequestType } from '../../profile/behavioral-profile.js';
import { behaviourOf } from '../behaviour.js';

/** What one session did over some ticks, as the model saw it: to be trained on. Never payload, never an identity. */
export interface ReplaySequence {
  /** Pseudonym, so that a client can be forgotten. */
  client: string;
  /** Milliseconds since the epoch. */
  startedAt: number;
  /** The session ended with the last tick. */
  ended: boolean;
  /** Columns of an input row, and the rows one behind the other: what was known before each tick. */
  columns: number;
  rows: Float32Array;
  /** Bytes that came in each tick, and what went wrong in it: bits of ERROR_SCENARIOS, and ABUSE_BIT. */
  up: Float32Array;
  down: Float32Array;
  happened: Float32Array;
}

const VERSION = 1;

/** The kind of the whole. */
export function kindOf({ up, down }: ReplaySequence): RequestType {
  return behaviourOf(up, down, 0, up.length);
}

/** As the bytes of a file: a line of JSON, then the numbers; packed. */
export function encodeSequence({ rows, up, down, happened, ...head }: ReplaySequence): Uint8Array {
  const line = Buffer.from(`${JSON.stringify({ version: VERSION, ticks: up.length, ...head })}\n`);
  const parts = [rows, up, down, happened].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  return deflateRawSync(Buffer.concat([line, ...parts]), { level: 1 });
}

/** Throws where the bytes are no sequence, or one of another version. */
export function decodeSequence(file: Uint8Array): ReplaySequence {
  const bytes = inflateRawSync(file);
  const end = bytes.indexOf(10);
  const { version, ticks, ...head } = JSON.parse(bytes.toString('utf8', 0, end)) as ReplaySequence & {
    version: number;
    ticks: number;
  };
  // A copy, as floats have to be aligned.
  const numbers = new Float32Array(Uint8Array.from(bytes.subarray(end + 1)).buffer);
  const { columns } = head;
  if (version !== VERSION || numbers.length !== ticks * (columns + 3))
    throw new Error('not a sequence of this version');
  if (!numbers.every(Number.isFinite)) throw new Error('a sequence holds what is no number');
  const cut = (at: number): Float32Array => numbers.subarray(ticks * (columns + at), ticks * (columns + at + 1));
  return { ...head, rows: numbers.subarray(0, ticks * columns), up: cut(0), down: cut(1), happened: cut(2) };
}

import { MAX_CLOSE_REASON, Capsule as Shared } from '../http3/capsule-reader.js';
import { readVarint, varintLength, writeVarint } from '../quic/varint.js';
import { TcpSessionError } from './session-error.js';

/**
 * Capsules of a session over TCP (draft-ietf-webtrans-http2 section 6, RFC 9297), with the numbers that
 * `@fails-components/webtransport` uses too.
 */
export const Capsule = {
  DATAGRAM: Shared.DATAGRAM,
  CLOSE_SESSION: Shared.CLOSE_WEBTRANSPORT_SESSION,
  DRAIN_SESSION: Shared.DRAIN_WEBTRANSPORT_SESSION,
  PADDING: 0x190b4d38,
  RESET_STREAM: 0x190b4d39,
  STOP_SENDING: 0x190b4d3a,
  STREAM: 0x190b4d3b,
  STREAM_FIN: 0x190b4d3c,
  MAX_DATA: 0x190b4d3d,
  MAX_STREAM_DATA: 0x190b4d3e,
  MAX_STREAMS_BIDI: 0x190b4d3f,
  MAX_STREAMS_UNI: 0x190b4d40,
} as const;

/** Longest payload of a datagram over TCP, bytes: what the library takes for the limit. */
export const MAX_DATAGRAM = 16384;
/** Most bytes of a capsule that is read as a whole. */
const MOST_BYTES = new Map<number, number>([
  [Capsule.DATAGRAM, MAX_DATAGRAM],
  [Capsule.CLOSE_SESSION, 4 + MAX_CLOSE_REASON],
  [Capsule.DRAIN_SESSION, 64],
  [Capsule.RESET_STREAM, 64],
  [Capsule.STOP_SENDING, 64],
  [Capsule.MAX_DATA, 64],
  [Capsule.MAX_STREAM_DATA, 64],
  [Capsule.MAX_STREAMS_BIDI, 64],
  [Capsule.MAX_STREAMS_UNI, 64],
]);

/** How long a capsule of this type may be; null: it means nothing here, and is passed over whatever its length (RFC 9297 section 3.2). */
export function mostBytesOf(type: number): number | null {
  return MOST_BYTES.get(type) ?? null;
}

export function isStreamData(type: number): boolean {
  return type === Capsule.STREAM || type === Capsule.STREAM_FIN;
}

/** Bytes that integers take. */
export function fieldsLength(fields: readonly number[]): number {
  let length = 0;
  for (const field of fields) length += varintLength(field);
  return length;
}

/** Writes integers at `at` and returns the offset behind them. */
export function writeFields(out: Uint8Array, at: number, fields: readonly number[]): number {
  let end = at;
  for (const field of fields) end = writeVarint(out, end, field);
  return end;
}

/** The integers that a capsule begins with; what follows them is left alone. Throws {@link TcpSessionError}. */
export function readFields<N extends 1 | 2>(value: Uint8Array, count: N): N extends 1 ? [number] : [number, number] {
  const fields: number[] = [];
  let at = 0;
  while (fields.length < count) {
    const field = readVarint(value, at);
    if (field < 0) throw new TcpSessionError('protocol', 'a capsule ends within a number');
    at += 1 << (value[at] >> 6);
    fields.push(field);
  }
  return fields as N extends 1 ? [number] : [number, number];
}

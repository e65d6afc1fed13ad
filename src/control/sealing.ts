/**
 * Messages sealed end to end, so that they stay closed where TLS ends before the one who is to read them (docs/protocol.md):
 * X25519 between a share of the client's and one of the reader's (RFC 7748), HKDF-SHA-256 (RFC 5869), AES-256-GCM. This is
 * what both sides share; the cryptography is that of the platform.
 *
 * A unit is a datagram or a stream. Units of a direction are numbered; a number is good once. The nonce of a record is the
 * unit's number (u64) and the record's in it (u32), so that none comes twice under one key.
 */

import { joined, u32, u64 } from './bytes.js';

/** What a sealed stream begins with: `TGS1`, then its number as u64. */
export const SEAL_MAGIC = Uint8Array.from([0x54, 0x47, 0x53, 0x31]);
export const SEALED_STREAM_HEAD = 12;
/** A sealed datagram begins with its number. */
export const SEALED_DATAGRAM_HEAD = 8;
export const SEAL_TAG_BYTES = 16;
/** What a record of a stream is longer by than what is in it, beside its length (u32): flag and tag. */
export const RECORD_OVERHEAD = 1 + SEAL_TAG_BYTES;
/** Flag of a stream's last record: a stream that ends without one was cut off. */
export const FINAL = 1;

export type SealDirection = 'up' | 'down';
export type UnitKind = 'datagram' | 'stream';

const encoder = new TextEncoder();

/** HKDF's info: what the derived key is for. `up` is from the client. */
export function sealInfo(direction: SealDirection): Uint8Array<ArrayBuffer> {
  return encoder.encode(`tidegate seal 1 ${direction}`);
}

/** What a host signs (Ed25519) to vouch for a share, for one session. */
export function signedShare(session: string, key: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined([encoder.encode(`tidegate seal 1\0${session}\0`), key]);
}

export function sealNonce(unit: number, record: number): Uint8Array<ArrayBuffer> {
  return joined([u64(unit), u32(record)]);
}

/** Additional data of a record: what it is part of, and whether it is the last. */
export function sealContext(kind: UnitKind, flag: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(kind === 'datagram' ? 0 : 1, flag);
}

/** A unit's number at the beginning of a datagram, or behind a stream's magic. */
export function unitAt(bytes: Uint8Array, at: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset + at).getBigUint64(0));
}

/** The head of a stream's unit, or of a datagram's. */
export function unitHead(kind: UnitKind, unit: number): Uint8Array<ArrayBuffer> {
  return kind === 'datagram' ? u64(unit) : joined([SEAL_MAGIC, u64(unit)]);
}

/** A record as it stands in a stream. */
export function streamRecord(flag: number, closed: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined([u32(closed.length + 1), Uint8Array.of(flag), closed]);
}

/** Numbers that are looked back on, at least: what comes later than so many others may be taken for a repetition. */
const WINDOW = 4096;

/** Takes each number once (as RFC 4303 section 3.4.3 does for packets); kind by kind, as a stream may wait while datagrams go by. */
export class UnitWindow {
  /** The highest number that was there, by its place in the window. */
  readonly #seen: Record<UnitKind, number[]> = { datagram: [], stream: [] };

  /** Whether a number was not there before. */
  accept(kind: UnitKind, unit: number): boolean {
    const seen = this.#seen[kind];
    const place = unit % WINDOW;
    if (!Number.isSafeInteger(unit) || unit <= seen[place]) return false;
    seen[place] = unit;
    return true;
  }
}

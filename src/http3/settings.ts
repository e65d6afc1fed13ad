import { readVarint, varintLength, writeVarint } from '../quic/varint.js';
import { H3ConnectionError, H3Error } from './errors.js';

/** SETTINGS identifiers, RFC 9114 section 7.2.4.1 and its extensions. */
export const Setting = {
  QPACK_MAX_TABLE_CAPACITY: 0x01,
  MAX_FIELD_SECTION_SIZE: 0x06,
  QPACK_BLOCKED_STREAMS: 0x07,
  /** RFC 9220. */
  ENABLE_CONNECT_PROTOCOL: 0x08,
  /** RFC 9297. */
  H3_DATAGRAM: 0x33,
  /** draft-ietf-masque-h3-datagram-04, which older Chromium wants. */
  H3_DATAGRAM_DRAFT04: 0xffd277,
  /** draft-ietf-webtrans-http3-02 to -06. */
  ENABLE_WEBTRANSPORT: 0x2b603742,
  /** draft -07 to -12. */
  WEBTRANSPORT_MAX_SESSIONS_07: 0xc671706a,
  /** draft -13 and -14. */
  WT_MAX_SESSIONS_13: 0x14e9cd29,
} as const;

export type Settings = Map<number, number>;

/** HTTP/2 settings that HTTP/3 forbids (RFC 9114 section 7.2.4.1). */
const FORBIDDEN = new Set([0x02, 0x03, 0x04, 0x05]);
const BOOLEAN = new Set<number>([Setting.ENABLE_CONNECT_PROTOCOL, Setting.H3_DATAGRAM]);
const MAX_SETTINGS = 64;

export function encodeSettings(settings: Settings): Uint8Array {
  let length = 0;
  for (const [id, value] of settings) length += varintLength(id) + varintLength(value);
  const out = new Uint8Array(length);
  let at = 0;
  for (const [id, value] of settings) {
    at = writeVarint(out, at, id);
    at = writeVarint(out, at, value);
  }
  return out;
}

/** Throws {@link H3ConnectionError} with the code that RFC 9114 section 7.2.4 names. */
export function decodeSettings(payload: Uint8Array): Settings {
  const settings: Settings = new Map();
  let at = 0;
  while (at < payload.length) {
    const id = readVarint(payload, at);
    if (id < 0) throw new H3ConnectionError(H3Error.FRAME_ERROR, 'SETTINGS ends inside an identifier');
    at += varintLengthAt(payload, at);
    const value = readVarint(payload, at);
    if (value < 0) throw new H3ConnectionError(H3Error.FRAME_ERROR, 'SETTINGS ends inside a value');
    at += varintLengthAt(payload, at);
    if (FORBIDDEN.has(id)) throw new H3ConnectionError(H3Error.SETTINGS_ERROR, `setting ${id} belongs to HTTP/2`);
    if (settings.has(id)) throw new H3ConnectionError(H3Error.SETTINGS_ERROR, `setting ${id} twice`);
    if (BOOLEAN.has(id) && value > 1) {
      throw new H3ConnectionError(H3Error.SETTINGS_ERROR, `setting ${id} is ${value}, not 0 or 1`);
    }
    if (settings.size >= MAX_SETTINGS) throw new H3ConnectionError(H3Error.EXCESSIVE_LOAD, 'too many settings');
    settings.set(id, value);
  }
  return settings;
}

function varintLengthAt(bytes: Uint8Array, at: number): number {
  return 1 << (bytes[at] >> 6);
}

/** What both sides of ours send: no dynamic table (RFC 9204), extended CONNECT, datagrams, WebTransport -02 to -12. */
export function ownSettings(maxSessions: number, maxFieldSectionSize: number, isServer: boolean): Settings {
  const settings: Settings = new Map<number, number>([
    [Setting.QPACK_MAX_TABLE_CAPACITY, 0],
    [Setting.QPACK_BLOCKED_STREAMS, 0],
    [Setting.MAX_FIELD_SECTION_SIZE, maxFieldSectionSize],
    [Setting.H3_DATAGRAM, 1],
    [Setting.H3_DATAGRAM_DRAFT04, 1],
    [Setting.ENABLE_WEBTRANSPORT, 1],
    [Setting.WEBTRANSPORT_MAX_SESSIONS_07, maxSessions],
  ]);
  if (isServer) settings.set(Setting.ENABLE_CONNECT_PROTOCOL, 1);
  return settings;
}

/** Whether a peer's settings allow WebTransport with it. */
export function supportsWebTransport(settings: Settings, peerIsServer: boolean): boolean {
  const datagrams = settings.get(Setting.H3_DATAGRAM) === 1 || settings.get(Setting.H3_DATAGRAM_DRAFT04) === 1;
  const webTransport =
    settings.get(Setting.ENABLE_WEBTRANSPORT) === 1 ||
    (settings.get(Setting.WEBTRANSPORT_MAX_SESSIONS_07) ?? 0) > 0 ||
    (settings.get(Setting.WT_MAX_SESSIONS_13) ?? 0) > 0;
  return datagrams && webTransport && (!peerIsServer || settings.get(Setting.ENABLE_CONNECT_PROTOCOL) === 1);
}

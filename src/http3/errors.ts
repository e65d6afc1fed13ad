/** HTTP/3 error codes, RFC 9114 section 8.1, RFC 9204 section 8.3, RFC 9297 section 5.2. */
export const H3Error = {
  DATAGRAM_ERROR: 0x33,
  NO_ERROR: 0x100,
  GENERAL_PROTOCOL_ERROR: 0x101,
  INTERNAL_ERROR: 0x102,
  STREAM_CREATION_ERROR: 0x103,
  CLOSED_CRITICAL_STREAM: 0x104,
  FRAME_UNEXPECTED: 0x105,
  FRAME_ERROR: 0x106,
  EXCESSIVE_LOAD: 0x107,
  ID_ERROR: 0x108,
  SETTINGS_ERROR: 0x109,
  MISSING_SETTINGS: 0x10a,
  REQUEST_REJECTED: 0x10b,
  REQUEST_CANCELLED: 0x10c,
  REQUEST_INCOMPLETE: 0x10d,
  MESSAGE_ERROR: 0x10e,
  CONNECT_ERROR: 0x10f,
  QPACK_DECOMPRESSION_FAILED: 0x200,
  QPACK_ENCODER_STREAM_ERROR: 0x201,
  QPACK_DECODER_STREAM_ERROR: 0x202,
  /** draft-ietf-webtrans-http3 section 9.5. */
  WEBTRANSPORT_BUFFERED_STREAM_REJECTED: 0x3994bd84,
  WEBTRANSPORT_SESSION_GONE: 0x170d7b68,
} as const;

/** Ends the connection with `code`. */
export class H3ConnectionError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Ends one stream with `code`; the connection lives on. */
export class H3StreamError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

const FIRST = 0x52e4a40fa8db;
const LAST = 0x52e5ac983162;

/**
 * A WebTransport application's stream error code (32 bits) as an HTTP/3 one and back:
 * `first + n + floor(n / 0x1e)`, which steps over the reserved points (draft-ietf-webtrans-http3 section 4.3).
 */
export function toHttp3Code(code: number): number {
  const n = code >>> 0;
  return FIRST + n + Math.floor(n / 0x1e);
}

/** The application's code, or 0 where `code` is not in the range (as the W3C API wants it). */
export function fromHttp3Code(code: number): number {
  if (code < FIRST || code > LAST || (code - 0x21) % 0x1f === 0) return 0;
  const shifted = code - FIRST;
  return shifted - Math.floor(shifted / 0x1f);
}

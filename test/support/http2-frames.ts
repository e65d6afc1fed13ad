/** With which an HTTP/2 client begins (RFC 9113 section 3.4), its SETTINGS empty. */
export const HTTP2_PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), http2Frame(4, 0, 0)]);
export const Http2Type = { DATA: 0, HEADERS: 1, GOAWAY: 7 } as const;
export const Http2Flag = { END_STREAM: 1, END_HEADERS: 4 } as const;
/** `POST / HTTP/2` as HPACK has it (RFC 7541). */
export const POST_SECTION = Buffer.of(0x83, 0x87, 0x84, 0x41, 1, 0x61);

/** A frame as it goes over the wire (RFC 9113 section 4.1). */
export function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** GOAWAY with an error code (RFC 9113 section 6.8). */
export function http2GoAway(code: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(code, 4);
  return http2Frame(Http2Type.GOAWAY, 0, 0, payload);
}

/** CONNECT of a session at `path` (RFC 8441 section 4), as HPACK has it where nothing is in a table (RFC 7541 section 6.2.2). */
export function connectSection(path: string): Buffer {
  const fields = {
    ':method': 'CONNECT',
    ':protocol': 'webtransport',
    ':scheme': 'https',
    ':path': path,
    ':authority': 'a',
  };
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** RFC 6455 section 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** The library's versions of WebTransport over WebSocket; they do not differ in what a server sees. */
const SUBPROTOCOL = /^webtransport_kDraft[12](?=_|$)/;

/** Whether a request of HTTP/1.1 asks for a WebSocket (RFC 6455 section 4.2.1). One with a body does not: whose would its bytes be? */
export function asksForWebSocket({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  const { upgrade, 'sec-websocket-key': key, 'content-length': length = '0', 'transfer-encoding': coding } = headers;
  const hasBody = length !== '0' || coding !== undefined;
  return method === 'GET' && upgrade?.toLowerCase() === 'websocket' && key !== undefined && !hasBody;
}

/** The subprotocol to answer with, or null where the client speaks none of ours (`Sec-WebSocket-Protocol`). */
export function selectSubprotocol(offered: string | undefined): string | null {
  for (const name of (offered ?? '').split(',')) {
    const match = SUBPROTOCOL.exec(name.trim());
    if (match !== null) return match[0];
  }
  return null;
}

/** The answer to an upgrade of HTTP/1.1 (RFC 6455 section 4.2.2). */
export function upgradeAnswer(key: string, subprotocol: string): string {
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    `Sec-WebSocket-Accept: ${accept}`,
    '\r\n',
  ].join('\r\n');
}

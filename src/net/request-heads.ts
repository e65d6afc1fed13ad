import type { IncomingMessage } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http2';
import type { RequestHead } from '../http3/message.js';

function regularOf(headers: NodeJS.Dict<string | string[]>): Record<string, string> {
  const regular: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(':')) regular[name] = String(value);
  }
  return regular;
}

/** The library's client for browsers puts two slashes in front. */
function rooted(path: string): string {
  return path.replace(/^\/+/, '/');
}

/** Of HTTP/2. */
export function headOf(headers: IncomingHttpHeaders & Record<string, unknown>): RequestHead {
  const pseudo = (name: string): string => String(headers[name] ?? '');
  return {
    method: pseudo(':method'),
    scheme: pseudo(':scheme'),
    authority: pseudo(':authority'),
    path: rooted(pseudo(':path')),
    protocol: headers[':protocol'] === undefined ? undefined : pseudo(':protocol'),
    headers: regularOf(headers),
  };
}

/** Of HTTP/1.1. */
export function headOfHttp1({ method, url, headers }: IncomingMessage): RequestHead {
  return {
    method: method ?? '',
    scheme: 'https',
    authority: headers.host ?? '',
    path: rooted(url ?? ''),
    protocol: undefined,
    headers: regularOf(headers),
  };
}

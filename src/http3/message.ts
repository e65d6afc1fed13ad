import { H3Error, H3StreamError } from './errors.js';
import type { HeaderField } from './qpack/field-section.js';

/** A request's head, checked. */
export interface RequestHead {
  method: string;
  scheme: string;
  authority: string;
  path: string;
  /** `:protocol` of an extended CONNECT (RFC 9220). */
  protocol: string | undefined;
  /** Regular fields by lower-case name; repeated ones joined by ', '. */
  headers: Record<string, string>;
}

/** What `:protocol` says for WebTransport; the second name since draft-ietf-webtrans-http3-15. */
const WEBTRANSPORT_PROTOCOLS = new Set(['webtransport', 'webtransport-h3']);
const CONNECTION_SPECIFIC = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const REQUEST_PSEUDO = new Set([':method', ':scheme', ':authority', ':path', ':protocol']);
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /[\0\r\n]/;

function malformed(what: string): H3StreamError {
  return new H3StreamError(H3Error.MESSAGE_ERROR, what);
}

function split(fields: readonly HeaderField[], allowed: ReadonlySet<string>) {
  const pseudo = new Map<string, string>();
  const headers: Record<string, string> = Object.create(null);
  let regular = false;
  for (const [name, value] of fields) {
    if (VALUE.test(value)) throw malformed(`field ${name} holds a control character`);
    if (name.startsWith(':')) {
      if (regular) throw malformed(`${name} behind regular fields`);
      if (!allowed.has(name)) throw malformed(`unknown pseudo-field ${name}`);
      if (pseudo.has(name)) throw malformed(`${name} twice`);
      pseudo.set(name, value);
      continue;
    }
    regular = true;
    if (!NAME.test(name)) throw malformed('malformed field name');
    if (CONNECTION_SPECIFIC.has(name)) throw malformed(`${name} belongs to HTTP/1.1`);
    if (name === 'te' && value !== 'trailers') throw malformed('te other than trailers');
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { pseudo, headers };
}

/** Checks a request's fields (RFC 9114 section 4.3.1, RFC 9220); throws {@link H3StreamError} H3_MESSAGE_ERROR. */
export function parseRequest(fields: readonly HeaderField[]): RequestHead {
  const { pseudo, headers } = split(fields, REQUEST_PSEUDO);
  const method = pseudo.get(':method');
  const protocol = pseudo.get(':protocol');
  if (method === undefined || method === '') throw malformed('no :method');
  const plainConnect = method === 'CONNECT' && protocol === undefined;
  const scheme = pseudo.get(':scheme');
  const path = pseudo.get(':path');
  const authority = pseudo.get(':authority') ?? headers.host;
  if (plainConnect) {
    if (scheme !== undefined || path !== undefined) throw malformed('CONNECT with :scheme or :path');
  } else if (!scheme || !path) {
    throw malformed('no :scheme or :path');
  }
  if (protocol !== undefined && method !== 'CONNECT') throw malformed(':protocol without CONNECT');
  if (!authority) throw malformed('no :authority');
  if (headers.host !== undefined && headers.host !== authority) throw malformed('host differs from :authority');
  return { method, scheme: scheme ?? '', authority, path: path ?? '', protocol, headers };
}

export interface ResponseHead {
  status: number;
  headers: Record<string, string>;
}

export function parseResponse(fields: readonly HeaderField[]): ResponseHead {
  const { pseudo, headers } = split(fields, new Set([':status']));
  const status = pseudo.get(':status') ?? '';
  if (!/^[1-9]\d\d$/.test(status)) throw malformed('no :status');
  return { status: Number(status), headers };
}

export function isWebTransport(head: RequestHead): boolean {
  return head.method === 'CONNECT' && head.protocol !== undefined && WEBTRANSPORT_PROTOCOLS.has(head.protocol);
}

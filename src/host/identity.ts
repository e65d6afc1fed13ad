import { createHmac } from 'node:crypto';
import { addressPrefix } from '../quic/address-prefix.js';

const MAX_NAME = 128;

/**
 * Who a client is, as a pseudonym: HMAC-SHA-256 of its address prefix and, where it names itself, of `client` in the
 * session's query. The name only tells clients of one prefix apart, so nobody can take a name elsewhere and be
 * mistaken for its owner.
 */
export function clientPseudonym(key: Uint8Array, peerAddress: string, path: string): string {
  const name = new URLSearchParams(path.split('?')[1] ?? '').get('client') ?? '';
  const hmac = createHmac('sha256', key).update(addressPrefix(peerAddress)).update('\0');
  return hmac.update(name.slice(0, MAX_NAME)).digest('base64url').slice(0, 22);
}

import { createHash, X509Certificate } from 'node:crypto';
import { TidegateError } from '../quic/errors.js';

/** Hashes are only for short-lived certificates, as in browsers. */
const MAX_HASHED_VALIDITY = 14 * 86_400_000;

interface Validity {
  hash: string;
  from: number;
  to: number;
}

/** Of the certificate that was met last: a client meets one again and again, and to parse it takes a fifth of a handshake. */
let lastValidity: Validity | null = null;

function validityOf(der: Uint8Array, hash: string): Validity {
  if (lastValidity?.hash === hash) return lastValidity;
  const { validFrom, validTo } = new X509Certificate(der);
  lastValidity = { hash, from: Date.parse(validFrom), to: Date.parse(validTo) };
  return lastValidity;
}

/** Throws TIDEGATE_E_CERTIFICATE where a certificate (DER) is not one that was promised by its SHA-256 (hex), or not valid at `now`, ms. */
export function checkHashedCertificate(der: Uint8Array | undefined, hashes: readonly string[], now: number): void {
  if (der === undefined) throw new TidegateError('TIDEGATE_E_CERTIFICATE', 'the server sent no certificate');
  const hash = createHash('sha256').update(der).digest('hex');
  if (!hashes.some((wanted) => wanted.toLowerCase().replaceAll(':', '') === hash)) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', `the server's certificate has the hash ${hash}`, {
      hint: 'it was renewed, or this is another server',
    });
  }
  const { from, to } = validityOf(der, hash);
  if (now < from || now > to || to - from > MAX_HASHED_VALIDITY) {
    throw new TidegateError('TIDEGATE_E_CERTIFICATE', 'the certificate is not valid now, or for more than 14 days', {
      hint: 'hashes are for certificates of at most 14 days',
    });
  }
}

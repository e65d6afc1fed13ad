import type { X509Certificate } from 'node:crypto';

const DAY = 86_400_000;
const WEEK = 7 * DAY;

/** Keys whose signatures BoringSSL, and with it Chromium and our own client, takes in a handshake unless told otherwise. */
const SIGNED_BY = new Set(['rsa', 'rsa-pss', 'prime256v1', 'secp384r1']);

function keyKindOf(certificate: X509Certificate): string {
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  return asymmetricKeyDetails?.namedCurve ?? asymmetricKeyType ?? 'of no known kind';
}

/** From when and to when a certificate holds, ms since 1970. */
export function validityOf({ validFrom, validTo }: X509Certificate): { from: number; to: number } {
  return { from: Date.parse(validFrom), to: Date.parse(validTo) };
}

/** ms before its end when a certificate should have been replaced: a third of its life (as certbot has it), a week at most. */
export function dueOf(certificate: X509Certificate): number {
  const { from, to } = validityOf(certificate);
  return Math.min(WEEK, (to - from) / 3);
}

/**
 * Why clients do not take a certificate at a time, or soon won't, as the rest of a sentence; null: they do.
 * @param due ms before its end when it should have been replaced
 */
export function objectionAt(
  now: number,
  certificate: X509Certificate,
  due = dueOf(certificate),
): { isBad: boolean; reason: string } | null {
  const kind = keyKindOf(certificate);
  if (!SIGNED_BY.has(kind))
    return { isBad: true, reason: `has a key (${kind}) that browsers do not take: use P-256 or RSA` };
  const { from, to } = validityOf(certificate);
  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  if (now > to) return { isBad: true, reason: `ended on ${day(to)}: clients refuse it` };
  if (now < from) return { isBad: true, reason: `begins on ${day(from)}: clients refuse it, or the clock is wrong` };
  const left = to - now;
  return left < due ? { isBad: false, reason: `ends on ${day(to)}, and should have been replaced by now` } : null;
}

import type { QuicCloseInfo } from '../quic/engine.js';
import { TransportError } from '../quic/errors.js';

/** CRYPTO_ERROR, RFC 9001 section 4.8: a TLS alert is told as this and its number. */
const CRYPTO_ERROR = 0x100;

/** TLS alerts that end handshakes, RFC 8446 section 6. */
const ALERTS: Record<number, string> = {
  40: 'handshake_failure',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  51: 'decrypt_error',
  70: 'protocol_version',
  80: 'internal_error',
  112: 'unrecognized_name',
  116: 'certificate_required',
  120: 'no_application_protocol',
};

const isOfCertificate = (alert: number): boolean => alert >= 42 && alert <= 48 && alert !== 47;

/** Why a connection ended before it carried a session, for people, and what may mend it. */
export function whyEnded({ by, application, code, reason }: QuicCloseInfo): { message: string; hint?: string } {
  if (by === 'handshake-timeout') {
    return { message: 'nobody answered', hint: 'is a host there, and does UDP get through to it?' };
  }
  if (by === 'idle-timeout') return { message: 'the server went silent' };
  const said = reason === '' ? '' : `: ${reason}`;
  const who = by === 'peer' ? 'the server' : 'this side';
  if (application) return { message: `${who} closed the connection with code 0x${code.toString(16)}${said}` };
  if (code === TransportError.CONNECTION_REFUSED) return { message: `the server takes no connection${said}` };
  const alert = code - CRYPTO_ERROR;
  if (alert < 0 || alert > 255) return { message: `${who} ended the connection, QUIC error ${code}${said}` };
  const name = ALERTS[alert] ?? `TLS alert ${alert}`;
  if (by === 'peer' || !isOfCertificate(alert)) return { message: `${who} broke the handshake off: ${name}${said}` };
  return {
    message: `the server's certificate is not trusted: ${name}`,
    hint: 'one that is self-signed is trusted by its hash',
  };
}

import type { SecurityLevel } from '../../adapt/settings.js';

/** Whose messages are to be sealed, and to whom. */
export interface SealPolicy {
  /** The level from which on a client is asked to; 0: all have to, and who can't is refused. */
  from: SecurityLevel;
  to: 'host' | 'endpoint';
  /** The endpoint's public key (X25519), base64url; null where the host reads. */
  key: string | null;
}

import { createHmac } from 'node:crypto';

/** A key that pseudonyms are made with. */
export interface PseudonymKey {
  version: number;
  key: Uint8Array;
}

const LENGTH = 22;

function pseudonym({ key }: PseudonymKey, subject: string): string {
  return createHmac('sha256', key).update(subject).digest('base64url').slice(0, LENGTH);
}

/**
 * Names that clients are stored and logged under: HMAC-SHA-256 of who they are. The key changes from time to time; what an
 * older one named is found, and moves over, as long as that key is there.
 */
export class Pseudonyms {
  /** @param keys newest first. */
  constructor(public keys: readonly PseudonymKey[]) {}

  of(subject: string): string {
    return pseudonym(this.keys[0], subject);
  }

  /** The names that older keys gave. */
  olderOf(subject: string): string[] {
    return this.keys.slice(1).map((key) => pseudonym(key, subject));
  }

  /** A name for something that is no client and is not kept under an older key. */
  ofGroup(kind: string, value: string): string {
    return pseudonym(this.keys[0], `${kind}\0${value}`);
  }
}

import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { joined } from '../../control/bytes.js';
import { signedShare } from '../../control/sealing.js';
import { HostSeal } from './session-seal.js';

/** What stands before the 32 bytes of a private key (RFC 8410 section 7). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
}

function rawOf(key: KeyObject): string {
  return key.export({ format: 'jwk' }).x as string;
}

/** The public key (Ed25519, base64url) that clients pin, of a seed of 32 bytes. */
export function sealIdentity(seed: Uint8Array): string {
  return rawOf(createPublicKey(privateKeyOf(seed)));
}

/** A share of the host's, waiting for the client's. */
export interface OfferedShare {
  key: string;
  signature: string;
  /** Throws where the client's share is none. */
  agree(clientKey: string): HostSeal;
}

/** Makes shares for sessions, and vouches for them. */
export class SealShares {
  readonly #identity: KeyObject;

  /** @param seed of the identity that clients pin, 32 bytes. */
  constructor(seed: Uint8Array) {
    this.#identity = privateKeyOf(seed);
  }

  /** Vouches for a share, for one session. */
  sign(session: string, key: string): string {
    return sign(null, signedShare(session, Buffer.from(key, 'base64url')), this.#identity).toString('base64url');
  }

  /** A share of this session alone: what it sealed can't be opened when it is over. */
  offer(session: string): OfferedShare {
    const { publicKey, privateKey } = generateKeyPairSync('x25519');
    const key = rawOf(publicKey);
    return {
      key,
      signature: this.sign(session, key),
      agree: (clientKey) => {
        const client = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: clientKey }, format: 'jwk' });
        const secret = diffieHellman({ privateKey, publicKey: client });
        return new HostSeal(secret, joined([Buffer.from(clientKey, 'base64url'), Buffer.from(key, 'base64url')]));
      },
    };
  }
}

import { type Cipher, createCipheriv, createDecipheriv, type Decipher, randomFillSync } from 'node:crypto';

/** Every connection ID of ours: one octet in the clear, then one AES block. */
export const CID_LENGTH = 17;
const BLOCK = 16;

/** Where a connection ID leads. */
export interface CidRoute {
  host: number;
  shard: number;
}

export interface CidKey {
  /** 0 to 6, the configuration rotation bits of draft-ietf-quic-load-balancers section 3.1 (7 means unroutable). */
  version: number;
  /** 16 bytes. */
  key: Uint8Array;
}

interface Ciphers {
  encrypt: Cipher;
  decrypt: Decipher;
}

/**
 * Connection IDs in the form of draft-ietf-quic-load-balancers-20, single-pass: the first octet holds the key version
 * (3 bits) and the length behind it (5 bits); the rest is AES-128-ECB of
 *
 *     host (u16) | shard (u8) | 0 | check (u32, zero) | nonce (8 bytes, random)
 *
 * so that an observer can't link the IDs of a connection (RFC 9000 section 5.1), a balancer with the key can route
 * them, and a packet that reached the wrong shard names its owner. The hot path decrypts nothing: {@link CidTable}
 * knows the live ones. The zero check tells IDs that we made from noise (one in 2^32 passes).
 */
export class CidCodec {
  readonly #ciphers = new Map<number, Ciphers>();
  readonly #current: number;
  readonly #plain = new Uint8Array(BLOCK);

  /** @param keys the first is for new IDs, the others are still understood. */
  constructor(
    keys: readonly CidKey[],
    readonly route: CidRoute,
  ) {
    for (const { version, key } of keys) {
      const encrypt = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
      const decrypt = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
      this.#ciphers.set(version, { encrypt, decrypt });
    }
    this.#current = keys[0].version;
  }

  /** A new ID that leads to this codec's route. */
  create(): Uint8Array {
    const plain = this.#plain;
    plain[0] = this.route.host >> 8;
    plain[1] = this.route.host & 0xff;
    plain[2] = this.route.shard;
    plain.fill(0, 3, 8);
    randomFillSync(plain, 8, 8);
    const id = new Uint8Array(CID_LENGTH);
    id[0] = (this.#current << 5) | BLOCK;
    id.set((this.#ciphers.get(this.#current) as Ciphers).encrypt.update(plain), 1);
    return id;
  }

  /** Where the ID at `at` leads, or null where it is not one of ours. */
  decode(packet: Uint8Array, at: number): CidRoute | null {
    if (at + CID_LENGTH > packet.length || (packet[at] & 0x1f) !== BLOCK) return null;
    const ciphers = this.#ciphers.get(packet[at] >> 5);
    if (ciphers === undefined) return null;
    const plain = ciphers.decrypt.update(packet.subarray(at + 1, at + CID_LENGTH));
    if (plain[3] !== 0 || plain.readUInt32BE(4) !== 0) return null;
    return { host: plain.readUInt16BE(0), shard: plain[2] };
  }
}

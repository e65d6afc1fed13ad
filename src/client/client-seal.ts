import { fromBase64Url, toBase64Url } from '../control/base64url.js';
import { joined } from '../control/bytes.js';
import type { HostMessage } from '../control/messages.js';
import {
  FINAL,
  SEAL_MAGIC,
  SEALED_DATAGRAM_HEAD,
  SEALED_STREAM_HEAD,
  type SealDirection,
  sealContext,
  sealInfo,
  sealNonce,
  signedShare,
  streamRecord,
  type UnitKind,
  UnitWindow,
  unitAt,
  unitHead,
} from '../control/sealing.js';

/** Public keys that a client was given beforehand, base64url: whom it seals to. */
export interface SealPins {
  /** Ed25519 keys of hosts (`tidegate keys public`), which vouch for shares. */
  hosts?: readonly string[];
  /** X25519 keys of endpoints. */
  endpoints?: readonly string[];
}

type Seal = Extract<HostMessage, { type: 'seal' }>;

const { subtle } = globalThis.crypto;

async function isVouchedFor({ key, signature, to }: Seal, session: string, pins: SealPins): Promise<boolean> {
  if (to === 'endpoint' && pins.endpoints?.includes(key)) return true;
  const text = signedShare(session, fromBase64Url(key));
  for (const pin of pins.hosts ?? []) {
    const host = await subtle.importKey('raw', fromBase64Url(pin), 'Ed25519', false, ['verify']);
    if (await subtle.verify('Ed25519', host, fromBase64Url(signature), text)) return true;
  }
  return false;
}

async function directionKey(secret: CryptoKey, salt: BufferSource, direction: SealDirection): Promise<CryptoKey> {
  return await subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt, info: sealInfo(direction) },
    secret,
    { name: 'AES-GCM', length: 256 },
    false,
    [direction === 'up' ? 'encrypt' : 'decrypt'],
  );
}

/** Bytes of a record at most: the longest message that a function takes unless it is told otherwise. */
const MOST_RECORD = 65_536;

/** Of one record: what it is part of, the number of that and its own in it, its flag. */
function gcm(kind: UnitKind, unit: number, record: number, flag: number): AesGcmParams {
  return { name: 'AES-GCM', iv: sealNonce(unit, record), additionalData: sealContext(kind, flag) };
}

/** Seals what a client sends, and opens what comes back. */
export class ClientSeal {
  #next = 0;
  readonly #window = new UnitWindow();

  private constructor(
    /** Of the demand that it answers. */
    readonly id: string,
    /** The client's share, for the reader. */
    readonly key: string,
    readonly up: CryptoKey,
    readonly down: CryptoKey,
  ) {}

  /** Agrees with the share that a host names; null where nobody that was pinned vouches for it. */
  static async agree(seal: Seal, session: string, pins: SealPins): Promise<ClientSeal | null> {
    if (!(await isVouchedFor(seal, session, pins))) return null;
    const reader = fromBase64Url(seal.key);
    const own = (await subtle.generateKey('X25519', false, ['deriveBits'])) as CryptoKeyPair;
    const share = new Uint8Array(await subtle.exportKey('raw', own.publicKey));
    const other = await subtle.importKey('raw', reader, 'X25519', false, []);
    const bits = await subtle.deriveBits({ name: 'X25519', public: other }, own.privateKey, 256);
    const secret = await subtle.importKey('raw', bits, 'HKDF', false, ['deriveKey']);
    const salt = joined([share, reader]);
    const [up, down] = [await directionKey(secret, salt, 'up'), await directionKey(secret, salt, 'down')];
    return new ClientSeal(seal.id, toBase64Url(share), up, down);
  }

  async #close(bytes: BufferSource, ...place: Parameters<typeof gcm>): Promise<Uint8Array> {
    return new Uint8Array(await subtle.encrypt(gcm(...place), this.up, bytes));
  }

  async #open(bytes: BufferSource, ...place: Parameters<typeof gcm>): Promise<Uint8Array> {
    return new Uint8Array(await subtle.decrypt(gcm(...place), this.down, bytes));
  }

  async datagram(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const unit = this.#next++;
    return joined([unitHead('datagram', unit), await this.#close(bytes, 'datagram', unit, 0, FINAL)]);
  }

  /** Null where it is not sealed to this client, or came before. */
  async openDatagram(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
    try {
      // One that is too short has none.
      const unit = unitAt(bytes, 0);
      const opened = await this.#open(bytes.subarray(SEALED_DATAGRAM_HEAD), 'datagram', unit, 0, FINAL);
      return this.#window.accept('datagram', unit) ? opened : null;
    } catch {
      return null;
    }
  }

  /** A message as a stream of its own. One that is longer than most functions take is sent as several. */
  async stream(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const unit = this.#next++;
    const parts: Uint8Array[] = [unitHead('stream', unit)];
    let flag = 0;
    for (let at = 0; flag !== FINAL; at += MOST_RECORD) {
      const part = message.subarray(at, at + MOST_RECORD);
      flag = at + MOST_RECORD < message.length ? 0 : FINAL;
      parts.push(streamRecord(flag, await this.#close(part, 'stream', unit, parts.length - 1, flag)));
    }
    return joined(parts);
  }

  /** What the messages of a whole stream that came say together. Throws where it is not sealed to this client, or cut off. */
  async openStream(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const messages: Uint8Array[] = [];
    try {
      const unit = unitAt(bytes, SEAL_MAGIC.length);
      const isSealed = SEAL_MAGIC.every((byte, i) => bytes[i] === byte) && this.#window.accept('stream', unit);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = SEALED_STREAM_HEAD; isSealed; ) {
        const end = at + 4 + view.getUint32(at);
        const flag = bytes[at + 4];
        messages.push(await this.#open(bytes.subarray(at + 5, end), 'stream', unit, messages.length, flag));
        if (flag === FINAL) return joined(messages);
        at = end;
      }
    } catch {
      // It ends too soon, or was touched.
    }
    throw new Error('not sealed to us, or cut off');
  }
}

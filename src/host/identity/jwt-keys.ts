import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { createLocalJWKSet, createRemoteJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { TidegateError } from '../../quic/errors.js';

const FETCH_TIMEOUT_MS = 2000;
/** After a key was not found, the set is not fetched again for so long. */
const COOLDOWN_MS = 10_000;

/** The keys could not be had, which says nothing about a token. */
export class KeysAway extends Error {}

/**
 * Keys to check tokens with: of a file (JWKS, public key or certificate as PEM), or of an address, followed where they change. Throws
 * TIDEGATE_E_CONFIG. What it returns rejects with {@link KeysAway} where the address can't be asked.
 */
export async function keySource(keys: string): Promise<JWTVerifyGetKey> {
  try {
    if (/^https?:\/\//.test(keys)) return remoteKeys(new URL(keys));
    const text = await readFile(keys, 'utf8');
    return text.includes('-----BEGIN') ? keyOfPem(text) : keysOfSet(JSON.parse(text) as JSONWebKeySet);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_CONFIG', `identity.jwt.keys is ${keys}: ${(cause as Error).message}`, {
      hint: 'give a JWKS file, a public key or certificate as PEM, or the https address of a JWKS',
      cause,
    });
  }
}

function remoteKeys(url: URL): JWTVerifyGetKey {
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new Error('over plain HTTP somebody on the way could put his own keys there');
  }
  const remote = createRemoteJWKSet(url, { timeoutDuration: FETCH_TIMEOUT_MS, cooldownDuration: COOLDOWN_MS });
  return async (header, token) => {
    try {
      return await remote(header, token);
    } catch (error) {
      throw isOfToken(error) ? error : new KeysAway((error as Error).message, { cause: error });
    }
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Whether it was for what a token asks that there was no key, rather than for want of the set. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

function keyOfPem(text: string): JWTVerifyGetKey {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new Error('it holds a private key, which is of the issuer');
  const key = createPublicKey(text);
  return async () => key;
}

function keysOfSet(set: JSONWebKeySet): JWTVerifyGetKey {
  const getKey = createLocalJWKSet(set);
  const unshared = set.keys.filter(({ kty }) => kty !== 'oct');
  if (unshared.length === 0) throw new Error('it holds no public key');
  if (unshared.some(({ d }) => d !== undefined)) throw new Error('it holds a private key, which is of the issuer');
  return getKey;
}

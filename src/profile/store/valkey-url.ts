import type { RedisOptions } from 'iovalkey';
import { TidegateError } from '../../quic/errors.js';

/** Whether the store of a configuration is one that hosts share. */
export function isShared(store: string): boolean {
  return /^(valkey|redis)s?:/.test(store);
}

export const VALKEY_FORM = 'valkey://[user:password@]host[:port][/database], valkeys:// for TLS';

const plainOf = (url: string): string => url.replace(/^valkey(s?):\/\//, 'redis$1://');

/** Whether an address is one of a Valkey. */
export function isValkeyUrl(url: string): boolean {
  const plain = plainOf(url);
  if (!/^rediss?:\/\/./.test(plain) || !URL.canParse(plain)) return false;
  const { hostname, pathname } = new URL(plain);
  return hostname !== '' && /^(\/\d*)?$/.test(pathname);
}

/** An address of a Valkey as its client takes it. Throws TIDEGATE_E_STORE where it is none. */
export function plainUrl(url: string): string {
  if (isValkeyUrl(url)) return plainOf(url);
  throw new TidegateError('TIDEGATE_E_STORE', 'the address of the store is none', { hint: VALKEY_FORM });
}

/** A server that owes an answer for so long, ms, is gone: TCP alone would wait a quarter of an hour for one behind a broken line. */
const SILENCE_MS = 3000;

/** How hosts connect: what can't be asked now is not asked later, and a server that went is tried again, ever more slowly. */
export function connectionOptions(connectTimeout: number, mostRetryMs: number): RedisOptions {
  return {
    lazyConnect: true,
    connectTimeout,
    socketTimeout: SILENCE_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times: number) => Math.min(times * 100, mostRetryMs),
  };
}

import { Redis } from 'iovalkey';
import { connectionOptions, plainUrl } from './valkey-url.js';

const TIMEOUT_MS = 1000;
const MOST_RETRY_MS = 5000;

/** A Valkey for what is asked now or not at all; begins to connect. Throws TIDEGATE_E_STORE where the address is none. */
export function askingValkey(url: string): { redis: Redis; connected: Promise<void> } {
  const redis = new Redis(plainUrl(url), {
    ...connectionOptions(TIMEOUT_MS, MOST_RETRY_MS),
    commandTimeout: TIMEOUT_MS,
  });
  // Who asks is told.
  redis.on('error', () => {});
  return { redis, connected: redis.connect().catch(() => {}) };
}

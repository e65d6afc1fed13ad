import { readFileSync } from 'node:fs';

/** Files and sockets that are left for all else: the store, modules, the admin listener, remote endpoints. */
const KEPT = 256;

/** How many files and sockets this process may have open; infinite where the system does not say. */
export function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** TCP connections that each of so many shards may take, so that all else can still be opened. */
export function mostTcpConnections(shards: number, limit = openFileLimit()): number {
  return Math.floor(Math.max(limit - KEPT, limit / 2) / shards);
}

import { totalmem } from 'node:os';

/** Of the memory, what may wait unread where the configuration leaves it open; and the most of that, bytes. */
const UNREAD_SHARE = 0.25;
const MOST_UNREAD = 1024 ** 3;
/** Of the memory, what connections may take; what one takes with an idle session, bytes (`npm run bench sessions`); and the most of a shard. */
const CONNECTIONS_SHARE = 0.5;
const CONNECTION = 75_000;
const MOST_CONNECTIONS = 100_000;

/** What the machine has, or the container is given, bytes. */
function memory(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(limit, totalmem());
}

/** What may wait unread, bytes. */
export function defaultUnreadBudget(bytes = memory()): number {
  return Math.min(MOST_UNREAD, bytes * UNREAD_SHARE);
}

/** Connections that each of so many shards takes. */
export function defaultMaxConnections(shards: number, bytes = memory()): number {
  return Math.min(MOST_CONNECTIONS, Math.floor((bytes * CONNECTIONS_SHARE) / CONNECTION / shards));
}

import { totalmem } from 'node:os';
import type { HostConfig } from './config.js';
import { shardCount } from './runtime-support.js';

const MIB = 1024 ** 2;
/** What the process takes before anybody is there, and each shard of it, bytes (anonymous memory; Node 20 to 26). */
const BASE = 60 * MIB;
const SHARD = 40 * MIB;
/** Of the rest, where the configuration leaves it open: what may wait unread, and what buffers of sessions may take; the most of each. */
const UNREAD_SHARE = 0.25;
const BUFFERS_SHARE = 0.25;
const MOST = 1024 * MIB;
/** What connections may take of it; what one takes with an idle session, bytes (`npm run bench sessions`); and the most of a shard. */
const CONNECTIONS_SHARE = 0.5;
const CONNECTION = 75_000;
const MOST_CONNECTIONS = 100_000;

/** How a host shares its memory out. */
export interface MemoryPlan {
  /** Bytes that may wait in front of all sessions. */
  unreadBudget: number;
  /** Bytes that the buffers of all sessions may take. */
  memoryBudget: number;
  /** Of each shard. */
  maxConnections: number;
}

type Planned = Pick<HostConfig, 'shards' | keyof MemoryPlan>;

/** What the machine has, or the container is given, bytes. */
const memory = (): number => Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());

/** As configured, or so that all of it together fits into the memory, in bytes, beside the process itself. */
export function memoryPlan(config: Planned, total = memory(), shards = shardCount(config.shards).most): MemoryPlan {
  const spare = Math.max(total - BASE - SHARD * shards, total / 4);
  const connections = Math.floor((spare * CONNECTIONS_SHARE) / CONNECTION / shards);
  return {
    unreadBudget: config.unreadBudget ?? Math.min(MOST, Math.floor(spare * UNREAD_SHARE)),
    memoryBudget: config.memoryBudget ?? Math.min(MOST, Math.floor(spare * BUFFERS_SHARE)),
    maxConnections: config.maxConnections ?? Math.min(MOST_CONNECTIONS, connections),
  };
}

import { processors } from './processors.js';

/** The Node that a host needs at least. */
export const MINIMUM_NODE = [20, 19] as const;

/** Whether several sockets can share a UDP port: `reusePort` came with Node 22.12 and 23.1, for Linux and BSD. */
export function canReusePort(version = process.versions.node, platform: string = process.platform): boolean {
  const [major, minor] = version.split('.').map(Number);
  const known = major >= 24 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  return known && (platform === 'linux' || platform === 'freebsd');
}

/** How many shards a host runs. */
export interface PlannedShards {
  /** At the start, and never fewer. */
  shards: number;
  /** There may be so many here, and there would be where a port can be shared. */
  most: number;
  wanted: number;
  /** Why there are fewer than were asked for. */
  note: string | null;
}

/** Shards to run, and why not as many as were asked for. */
export function shardCount(
  asked: number | 'auto' | { min: number; max: number },
  reusable = canReusePort(),
): PlannedShards {
  const both = asked === 'auto' ? Math.max(1, Math.ceil(processors())) : asked;
  const { min, max } = typeof both === 'number' ? { min: both, max: both } : both;
  if (max === 1 || reusable) return { shards: min, most: max, wanted: max, note: null };
  const note = `one shard: ${process.version} on ${process.platform} can't share a UDP port (Node >= 22.12 on Linux can)`;
  // What a range would be used for is told as it comes.
  return { shards: 1, most: 1, wanted: min === max ? 1 : max, note };
}

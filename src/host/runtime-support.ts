import { availableParallelism } from 'node:os';

/** The Node that a host needs at least. */
export const MINIMUM_NODE = [20, 19] as const;

/** Whether several sockets can share a UDP port: `reusePort` came with Node 22.12 and 23.1, for Linux and BSD. */
export function canReusePort(version = process.versions.node, platform: string = process.platform): boolean {
  const [major, minor] = version.split('.').map(Number);
  const known = major >= 24 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  return known && (platform === 'linux' || platform === 'freebsd');
}

/** Shards to run, and why not as many as were asked for. */
export function shardCount(asked: number | 'auto', reusable = canReusePort()): { shards: number; note: string | null } {
  const wanted = asked === 'auto' ? availableParallelism() : asked;
  if (wanted === 1 || reusable) return { shards: wanted, note: null };
  const note = `one shard: ${process.version} on ${process.platform} can't share a UDP port (Node >= 22.12 on Linux can)`;
  return { shards: 1, note };
}

/** A session's name for people, unique among those that a host has at a time: its shard and handle. */
export function sessionName(shard: number, handle: number): string {
  return `${sessionsOf(shard)}${handle >>> 0}`;
}

/** What the names of a shard's sessions begin with. */
export function sessionsOf(shard: number): string {
  return `${shard}-`;
}

/**
 * What functions, remote endpoints and clients know a session by: its name and, as names come again where a shard or a host
 * starts again and on every host of a fleet, the shard's run.
 */
export function sessionId(shard: number, handle: number, run: string): string {
  return `${sessionName(shard, handle)}-${run}`;
}

/** Shard and handle of a name or an ID; null where it is none. */
export function parseSession(text: string): { shard: number; handle: number } | null {
  const [, shard, handle] = /^(\d+)-(\d+)(?:-\w+)?$/.exec(text) ?? [];
  // Handles are 32 bits with a sign; names are without.
  return shard === undefined ? null : { shard: Number(shard), handle: Number(handle) | 0 };
}

/** A session's name for people, unique in the host: its shard and handle. */
export function sessionName(shard: number, handle: number): string {
  return `${sessionsOf(shard)}${handle >>> 0}`;
}

/** What the names of a shard's sessions begin with. */
export function sessionsOf(shard: number): string {
  return `${shard}-`;
}

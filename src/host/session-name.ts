/** A session's name for people, unique in the host: its shard and handle. */
export function sessionName(shard: number, handle: number): string {
  return `${shard}-${handle >>> 0}`;
}

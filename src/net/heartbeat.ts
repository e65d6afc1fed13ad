/** Bytes written in half a period that show a peer is taking them; fewer may be our pings. */
const PROGRESS = 4096;

/** A connection whose peer is asked for a sign of life. */
export interface Beating {
  /** Bytes of its socket so far. */
  readonly socket: { readonly bytesRead: number; readonly bytesWritten: number };
  /** Asks the peer to answer. */
  ping(): void;
  destroy(): void;
}

/**
 * Ends a connection that nothing comes from, or is taken by, for so long, ms: QUIC's idle timeout for TCP, which does not miss a peer
 * that vanished; and `node:http2` does not hear that a peer is gone while it has something to write to it.
 * @returns what stops it.
 */
export function endDead(connection: Beating, afterMs: number): () => void {
  let { bytesRead, bytesWritten } = connection.socket;
  let silent = 0;
  const timer = setInterval(() => {
    const { socket } = connection;
    const isAlive = socket.bytesRead !== bytesRead || socket.bytesWritten - bytesWritten >= PROGRESS;
    ({ bytesRead, bytesWritten } = socket);
    silent = isAlive ? 0 : silent + 1;
    if (silent >= 2) connection.destroy();
    else if (silent === 1) connection.ping();
  }, afterMs / 2);
  timer.unref();
  return () => clearInterval(timer);
}

import type { EventEmitter } from 'node:events';

/** An HTTP/2 connection, as far as its idleness goes (`ServerHttp2Session`). */
export interface Http2Connection extends EventEmitter {
  destroy(): void;
}

/**
 * Ends HTTP/2 connections that have had no stream for so long, ms: QUIC's idle timeout for TCP, where pings would keep for ever who
 * connects and asks for nothing.
 */
export function endIdle(connection: Http2Connection, afterMs: number): void {
  let open = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    timer = setTimeout(() => connection.destroy(), afterMs);
    timer.unref();
  };
  connection.on('stream', (stream: EventEmitter) => {
    clearTimeout(timer);
    open++;
    stream.once('close', () => {
      if (--open === 0) wait();
    });
  });
  connection.once('close', () => clearTimeout(timer));
  wait();
}

import type { QuicCloseInfo, QuicConnection, QuicStats } from './engine.js';

/** Observes connections, for qlog and the like. Calls come from inside the endpoint and must not throw. */
export interface QuicTrace {
  connectionStarted(connection: QuicConnection, now: number): void;
  connectionEstablished(connection: QuicConnection, now: number): void;
  connectionClosed(connection: QuicConnection, info: QuicCloseInfo, stats: QuicStats, now: number): void;
}

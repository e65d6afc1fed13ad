import type { HeaderField } from '../http3/qpack/field-section.js';
import type { TcpSessionError } from './session-error.js';

/** What carries a session: a stream of HTTP/2, or a WebSocket's socket. */
export interface SessionChannel {
  /** Answers the request; what the client sends goes to `TcpSession.receive` from now on. */
  accept(): void;
  reject(status: number, headers: readonly HeaderField[]): void;
  /** False where it is full; `TcpSession.drained` follows. */
  write(bytes: Uint8Array): boolean;
  /** Nothing follows. */
  end(): void;
  /** The peer is at fault, and was not told yet. */
  abort(error: TcpSessionError): void;
}

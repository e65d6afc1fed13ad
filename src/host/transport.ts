import type { HeaderField } from '../http3/qpack/field-section.js';
import type { SessionHandler } from '../http3/session.js';
import type { WebTransportStreamHandler } from '../http3/stream.js';
import type { DatagramSendResult } from '../quic/engine.js';

/**
 * A session as the host sees it, whatever carries it. `http3/` and `http2/` satisfy these interfaces as they are; the library's HTTP/3
 * comes through `w3c-session.ts`.
 */
export interface TransportSession {
  handler: SessionHandler;
  readonly state: 'pending' | 'open' | 'closed';
  readonly maxDatagramSize: number;
  /** Bytes on the wire for a byte of use. */
  readonly wireRatio: number;
  sendDatagram(payload: Uint8Array): DatagramSendResult;
  sendDatagramInPlace(bytes: Uint8Array, start: number, end: number): DatagramSendResult;
  openStream(bidirectional: boolean): TransportStream | null;
  accept(): void;
  /** Headers reach the client where the transport can carry them. */
  reject(status: number, headers?: readonly HeaderField[]): void;
  drain(): void;
  close(code?: number, reason?: string): void;
}

export interface TransportStream {
  handler: WebTransportStreamHandler;
  readonly incoming: boolean;
  readonly bidirectional: boolean;
  readonly finished: boolean;
  readonly isReadDone: boolean;
  readonly isWriteDone: boolean;
  read(into: Uint8Array): number;
  write(bytes: Uint8Array, end: boolean): number;
  pause(): void;
  resume(): void;
  reset(code: number): void;
  stopSending(code: number): void;
}

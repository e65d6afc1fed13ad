import type { TcpSessionError } from './session-error.js';

/** Receives what a session's peer sends. Bytes are there during the call alone. */
export interface FramingEvents {
  /** A part of what a stream carries, perhaps empty; `end` with its last. */
  onStreamData(id: number, bytes: Uint8Array, end: boolean): void;
  /** A whole capsule of another type. */
  onCapsule(type: number, value: Uint8Array): void;
  /** WebSocket: the peer closes. */
  onClose(code: number, reason: string): void;
  /** WebSocket: what answers a ping. */
  onReply(bytes: Uint8Array): void;
}

/** How capsules lie on the wire: one behind the other over HTTP/2, a message each over WebSocket. */
export interface Framing {
  /** Bytes off the wire, which it may change. Throws {@link TcpSessionError}. */
  push(bytes: Uint8Array): void;
  /** A capsule for the wire, in bytes of its own. */
  encode(type: number, fields: readonly number[], payload: Uint8Array): Uint8Array;
  /** What goes behind the last capsule; perhaps nothing. */
  encodeClose(code: number, reason: string): Uint8Array;
  /** What a peer that is there answers; nothing where the transport asks. */
  encodePing(): Uint8Array;
  /** What tells the peer its fault; nothing where the transport tells. */
  encodeFault(error: TcpSessionError): Uint8Array;
}

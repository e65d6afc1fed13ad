import type { SessionClose } from '../../http3/session.js';
import type { GatedStream } from '../shard/gated-stream.js';
import type { HostSession } from '../shard/host-session.js';

/** What a function does with one session. All calls are synchronous, on the shard's thread. */
export interface SessionFunction {
  onOpen?(): void;
  /** `bytes[start..end)`; the buffer is used again after the call. */
  onDatagram?(bytes: Uint8Array, start: number, end: number): void;
  /** A stream of the client. Set its handler; reading starts right after. */
  onStream?(stream: GatedStream): void;
  onStreamsAvailable?(): void;
  onClose?(close: SessionClose): void;
}

/** A function: what the first segment of a session's path names. */
export interface HostFunction {
  readonly id: string;
  /** Called when a session opens, after its socket is set up and before its data is read. */
  open(session: HostSession): SessionFunction;
}

import type { SocketSettings } from '../../adapt/settings.js';
import type { BehavioralProfile } from '../../profile/behavioral-profile.js';

/** Why a session ended. */
export interface CloseReason {
  code: number;
  reason: string;
  by: 'peer' | 'local' | 'connection';
}

/** A stream from the host to the client. */
export interface OutgoingStream {
  /** Resolves when the bytes are on their way: waiting for it is what keeps memory bounded. */
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
  reset(code?: number): void;
}

/** A client's session, as a function sees it. */
export interface FunctionSession<State = unknown> {
  /** Of no other session, of this host or another. */
  readonly id: string;
  /** The client's pseudonym. */
  readonly client: string;
  readonly functionId: string;
  /** Of the registration. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly query: URLSearchParams;
  /** What was known of the client when it opened. */
  readonly profile: Readonly<BehavioralProfile>;
  /** As they are now. */
  readonly settings: Readonly<SocketSettings>;
  /** Who reads sealed messages: the host opens them before they are handed on; null: they are not sealed. */
  readonly sealedTo: 'host' | 'endpoint' | null;
  /** The client's share (X25519, base64url): an endpoint that reads agrees with it. */
  readonly sealKey: string | null;
  /** The function's own, for as long as the session lasts. */
  state: State;
  /** Returns false where it was not sent: over the limit, too large, no room. */
  sendDatagram(bytes: Uint8Array): boolean;
  /** Null while the client allows no more streams. */
  openStream(): OutgoingStream | null;
  close(code?: number, reason?: string): void;
}

/** What met the criteria of a function. The bytes are the function's until it returns or its promise settles. */
export interface Delivery {
  readonly kind: 'datagram' | 'stream';
  /** All of it, frames included. */
  readonly bytes: Uint8Array;
  /** The messages in it, without their frames, and how long each is. */
  readonly messages: Iterable<Uint8Array>;
  readonly lengths: readonly number[];
  /** The stream has ended behind it. */
  readonly ended: boolean;
  /** Of messages on a stream that are sealed to the endpoint: the stream's number, and that of the first record. */
  readonly sealed: { unit: number; record: number } | null;
  /** Answers on the same stream (framed as the function receives), or by a datagram. */
  reply(bytes: Uint8Array): Promise<void>;
}

/** What `data` may answer with. */
export type Reply = Uint8Array | string | undefined;
/** What a handler returns, at once or later; most return nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is what most are
export type HandlerResult<T> = T | void | Promise<T | void>;

/** A function's endpoint in the host's own process. What `data` returns is a reply. */
export interface Handlers<State = unknown> {
  open?(session: FunctionSession<State>): HandlerResult<undefined>;
  data?(delivery: Delivery, session: FunctionSession<State>): HandlerResult<Reply>;
  close?(session: FunctionSession<State>, reason: CloseReason): HandlerResult<undefined>;
}

/** Types a function module: `export default defineFunction({ data(delivery, session) { ... } })`. */
export function defineFunction<State = unknown>(handlers: Handlers<State>): Handlers<State> {
  return handlers;
}

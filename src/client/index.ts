/** Tidegate's client for browsers, Deno and Node: nothing is needed beside WebTransport. */
export type { Definition, TellableSettings } from '../control/messages.js';
export type { SealPins } from './client-seal.js';
export type { Listener } from './emitter.js';
export { type ClientEvents, type ClientOptions, FunctionClient } from './function-client.js';
export { FunctionSession, type OpenOptions, SessionError, type SessionEvents } from './function-session.js';
export type { TokenStore } from './token-store.js';

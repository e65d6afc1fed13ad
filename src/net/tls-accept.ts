import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { destroyAfter } from './deadline.js';
import type { LoopTurns } from './loop-turns.js';
import { PacedSocket } from './paced-socket.js';

export interface TlsAcceptOptions {
  secureContext: SecureContext;
  ALPNProtocols: string[];
  /** Of its handshake, ms. */
  timeoutMs: number;
}

/**
 * Takes a connection's TLS handshake, and tells of it when that is done; one whose handshake or records break is ended. All that TLS and
 * who is above it do with what comes is done in turn with other connections ({@link LoopTurns}): a `tls.Server` reads the socket itself,
 * as much at once as there is, and does not say whose TLS it is where it is given a stream.
 */
export function acceptTls(
  socket: Socket,
  turns: LoopTurns,
  { timeoutMs, ...options }: TlsAcceptOptions,
  onSecure: (tls: TLSSocket) => void,
): void {
  const tls = new TLSSocket(new PacedSocket(socket, turns), { isServer: true, ...options });
  const timer = destroyAfter(socket, timeoutMs);
  tls.on('error', () => {
    // 'close' follows.
  });
  tls.on('_tlsError', () => socket.destroy());
  tls.once('secure', () => {
    clearTimeout(timer);
    // As a `tls.Server` does: `node:http2` waits for it.
    Object.assign(tls, { secureConnecting: false });
    onSecure(tls);
  });
}

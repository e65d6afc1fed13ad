import type { CidKey, CidRoute } from './connection-id.js';
import type { GoodputLimits } from './goodput-guard.js';
import type { HandshakeLimits } from './handshake-limiter.js';
import type { QuicTrace } from './trace.js';

/** Transport parameters and limits of an endpoint. Sizes in bytes, times in milliseconds. */
export interface QuicTransportOptions {
  idleTimeoutMs: number;
  /** A PING after so long without a packet sent; 0 for never. */
  keepAliveMs: number;
  /** Flow control of a connection and of each stream: what is granted at first, and what it may grow to. */
  initialConnectionWindow: number;
  maxConnectionWindow: number;
  initialStreamWindow: number;
  maxStreamWindow: number;
  /** Streams that the peer may have open at once. */
  maxBidirectionalStreams: number;
  maxUnidirectionalStreams: number;
  /** Datagrams that wait at most, each way, a connection. */
  datagramQueue: number;
  /** Longest UDP payload sent and taken. */
  maxUdpPayload: number;
  /** Whether a peer may change its address (RFC 9000 section 9). */
  allowMigration: boolean;
}

export interface QuicServerOptions {
  /** PEM. */
  certificate: string;
  privateKey: string;
  maxConnections: number;
  handshakeTimeoutMs: number;
  handshakes: HandshakeLimits;
  goodput: GoodputLimits;
  cidKeys: readonly CidKey[];
  route: CidRoute;
  /** First signs, all verify. */
  retryKeys: readonly Uint8Array[];
  /** Makes stateless reset tokens. */
  resetKey: Uint8Array;
  /** Bytes that each stream of a connection from an address is granted at first; without it `initialStreamWindow`. */
  streamWindow?: (address: string) => number;
}

export interface QuicClientOptions {
  /** PEM of trusted roots; null trusts any certificate (the caller then checks its hash). */
  trustedRoots: string | null;
}

export interface QuicEndpointOptions {
  /** Local address as bound; what a wildcard socket has is fine. */
  localAddress: string;
  localPort: number;
  /** ALPN. */
  protocols: string[];
  transport: QuicTransportOptions;
  server?: QuicServerOptions;
  client?: QuicClientOptions;
  /** File for TLS secrets in the format of SSLKEYLOGFILE. */
  keyLogFile?: string;
  trace?: QuicTrace;
  /** Milliseconds since the epoch, for tokens. */
  epochNow?: () => number;
}

/** One for the CONNECT request beside the hundred that a session may use. */
const BIDIRECTIONAL_STREAMS = 101;
/** Control stream and the two of QPACK beside the hundred. */
const UNIDIRECTIONAL_STREAMS = 103;
const STREAM_WINDOW = 128 * 1024;
/**
 * Beyond reach: the windows of the streams, and how many there may be, bound what a peer can make us hold
 * (204 * 128 KB; a stream's window only grows while it is read). quiche 0.18 raises a connection's limit only when less
 * than 24 KB of it are left unread or unused, so a finite one stalls every session of a connection as soon as one of
 * them is not read.
 */
const CONNECTION_WINDOW = 2 ** 50;

export const DEFAULT_TRANSPORT: QuicTransportOptions = {
  idleTimeoutMs: 30_000,
  keepAliveMs: 0,
  initialConnectionWindow: CONNECTION_WINDOW,
  maxConnectionWindow: CONNECTION_WINDOW,
  initialStreamWindow: STREAM_WINDOW,
  maxStreamWindow: 4 * 1024 * 1024,
  maxBidirectionalStreams: BIDIRECTIONAL_STREAMS,
  maxUnidirectionalStreams: UNIDIRECTIONAL_STREAMS,
  datagramQueue: 128,
  maxUdpPayload: 1350,
  allowMigration: false,
};

export const DEFAULT_HANDSHAKE_LIMITS: HandshakeLimits = {
  retryAbove: 64,
  max: 1024,
  maxPerPrefix: 512,
  evictAfterMs: 1000,
};

export const DEFAULT_GOODPUT_LIMITS: GoodputLimits = {
  freeBytesPerSecond: 64 * 1024,
  minRatio: 0.02,
  strikes: 5,
};

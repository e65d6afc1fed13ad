import type { SocketSettings } from '../../adapt/settings.js';
import type { CidKey } from '../../quic/connection-id.js';
import type { HandshakeLimits } from '../../quic/handshake-limiter.js';

/** A certificate with its key, PEM, and the SHA-256 of its DER in hex. */
export interface CertificatePair {
  certificate: string;
  privateKey: string;
}

/** Everything a shard starts with; crosses the thread border by structured clone. */
export interface ShardInit {
  index: number;
  host: string;
  port: number;
  reusePort: boolean;
  engine: 'quiche' | 'fails-components';
  /** Serve HTTP/2 and WebSocket on the same TCP port. */
  tcp: boolean;
  certificate: CertificatePair;
  keys: ShardKeys;
  hostId: number;
  maxConnections: number;
  handshakes: HandshakeLimits;
  allowMigration: boolean;
  idleTimeoutMs: number;
  allowedOrigins: string[] | null;
  mode: 'enforce' | 'observe';
  tickMs: number;
  qlogDir: string | null;
  keyLogFile: string | null;
  /** Shared with the main thread: heartbeats and counters. */
  heartbeat: SharedArrayBuffer;
  counters: SharedArrayBuffer;
  /** Rings into each shard, [from][to]; empty with one shard. */
  rings: SharedArrayBuffer[][];
  doorbells: SharedArrayBuffer;
  /** Which shards take new connections. */
  accepting: SharedArrayBuffer;
}

/** Keys as a shard gets them; the first of each list is for what is new. */
export interface ShardKeys {
  cid: CidKey[];
  retry: Uint8Array[];
  reset: Uint8Array;
  pseudonym: Uint8Array;
}

export interface SessionReport {
  slot: number;
  shard: number;
  client: string;
  function: string;
  transport: 'http3' | 'tcp';
  openSeconds: number;
  settings: SocketSettings;
  averageRate: number;
  counts: Record<string, number>;
}

/** One session's traffic since the last tick. */
export interface SessionUpdate {
  slot: number;
  client: string;
  bytesIn: number;
  bytesOut: number;
  seconds: number;
  opened: boolean;
  /** The limit in force, bytes/s. */
  rateLimit: number;
}

/** How a shard's task ended. */
export interface ShardOutcome {
  failed: { code: string; message: string } | null;
}

export type ToShard =
  | { type: 'settings'; request: number; settings: SocketSettings }
  | { type: 'limits'; changes: { slot: number; client: string; settings: SocketSettings }[] }
  | { type: 'certificate'; pair: CertificatePair }
  | { type: 'wellKnown'; body: string }
  | { type: 'report'; request: number }
  | { type: 'drain'; deadlineMs: number }
  | { type: 'retire' }
  | { type: 'close' };

export type FromShard =
  | { type: 'ready'; port: number; threadId: number }
  | { type: 'open'; request: number; client: string; functionId: string }
  | { type: 'updates'; updates: SessionUpdate[] }
  | { type: 'report'; request: number; sessions: SessionReport[] }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; message: string; detail?: Record<string, unknown> }
  | { type: 'drained' };

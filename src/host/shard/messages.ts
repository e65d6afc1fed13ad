import type { SocketSettings } from '../../adapt/settings.js';
import type { CoreShare } from '../../core/layout.js';
import type { Limits } from '../../core/limits.js';
import type { SessionCounts } from '../../core/session-table.js';
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
  /** Limits that the shard's sessions share, all of them and by function. */
  capacity: SharedCapacity;
  functions: Record<string, SharedCapacity & { weight: number }>;
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

/** Limits that sessions share. */
export interface SharedCapacity {
  in: Limits;
  out: Limits;
}

/** Keys as a shard gets them; the first of each list is for what is new. */
export interface ShardKeys {
  cid: CidKey[];
  retry: Uint8Array[];
  reset: Uint8Array;
  pseudonym: Uint8Array;
}

export interface SessionReport {
  handle: number;
  slot: number;
  shard: number;
  client: string;
  function: string;
  transport: 'http3' | 'tcp';
  openSeconds: number;
  settings: SocketSettings;
  counts: SessionCounts;
}

/** One session's traffic since the last tick. */
export interface SessionUpdate {
  handle: number;
  client: string;
  bytesIn: number;
  bytesOut: number;
  seconds: number;
  opened: boolean;
  /** The last one: the session is over. */
  closed: boolean;
  functionId: string;
  /** What went wrong, a bit for each of ERROR_SCENARIOS. */
  errors: number;
  /** The limit in force, bytes/s. */
  rateLimit: number;
}

/** How a shard's task ended. */
export interface ShardOutcome {
  failed: { code: string; message: string } | null;
}

export type ToShard =
  | { type: 'settings'; request: number; settings: SocketSettings }
  | { type: 'certificate'; pair: CertificatePair }
  | { type: 'wellKnown'; body: string }
  | { type: 'report'; request: number }
  | { type: 'drain'; deadlineMs: number }
  | { type: 'retire' }
  | { type: 'close' };

export type FromShard =
  /** `core`: the shard's session records, for limits to be written into. */
  | { type: 'ready'; port: number; threadId: number; core: CoreShare }
  | { type: 'open'; request: number; client: string; functionId: string }
  | { type: 'updates'; updates: SessionUpdate[] }
  /** `features` has a row of `names` a session. */
  | { type: 'report'; request: number; sessions: SessionReport[]; features: Float32Array; names: readonly string[] }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; message: string; detail?: Record<string, unknown> }
  | { type: 'drained' };

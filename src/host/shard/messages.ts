import type { MessagePort } from 'node:worker_threads';
import type { PosturePolicy } from '../../adapt/security-posture.js';
import type { SecurityLevel, SocketSettings } from '../../adapt/settings.js';
import type { AppErrorName } from '../../control/codes.js';
import type { CoreShare } from '../../core/layout.js';
import type { Limits } from '../../core/limits.js';
import type { SessionCounts } from '../../core/session-table.js';
import type { BehavioralProfile } from '../../profile/behavioral-profile.js';
import type { CidKey } from '../../quic/connection-id.js';
import type { HandshakeLimits } from '../../quic/handshake-limiter.js';
import type { CapacityOutlook } from '../../scale/replicas/capacity-outlook.js';
import type { CallCounts } from '../functions/call-stats.js';
import type { Will } from '../functions/endpoints/will.js';
import type { FunctionTable } from '../functions/function-registry.js';
import type { PeerAnswer } from '../functions/peers/shard-peers.js';
import type { Identity, JwtVerdict } from '../identity/identifier.js';

/** ms that a shard which ends gives its endpoints' last calls: they hear of the sessions' ends. */
export const LAST_CALLS_MS = 5000;

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
  /** Of those, over TCP. */
  maxTcpConnections: number;
  /** What a stream may be ahead of what is read, at most, bytes. */
  streamWindow: number;
  handshakes: HandshakeLimits;
  allowMigration: boolean;
  idleTimeoutMs: number;
  /** Origin that clients move to where the host closes; null: their own. */
  drainTo: string | null;
  allowedOrigins: string[] | null;
  mode: 'enforce' | 'observe';
  /** Limits that the shard's sessions share, all of them and by function. */
  capacity: SharedCapacity;
  functions: FunctionTable;
  security: ShardSecurity;
  pressure: PressureOrders;
  tickMs: number;
  qlogDir: string | null;
  /** Where the host may write: a place for this thread's copy of the QUIC addon, where no other will do. */
  dataDir: string;
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

/** What of security levels a shard decides. */
export interface ShardSecurity {
  policy: PosturePolicy;
  challengeSeconds: number;
  workBits: number;
  quarantine: 'trickle' | 'close';
  trickle: number;
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
  /** Seed of the identity that vouches for shares that messages are sealed to. */
  seal: Uint8Array;
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
  /** Why the security level is what it is. */
  reason: string;
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
  /** The limit in force, bytes/s; bytes that the session may hold. */
  rateLimit: number;
  bufferSize: number;
  level: SecurityLevel;
  /** Packets that limits held back, or would have where they are only reckoned. */
  held: number;
  isEnforced: boolean;
  /** The session goes on under another name: this is the end of the first one's part. */
  moved?: boolean;
}

/** Calls of a function's endpoints since the last tick. */
export interface FunctionCalls {
  /** Null: of all those that clients define. */
  id: string | null;
  counts: CallCounts;
}

/** A will, and the number under which the host keeps it. */
export type KeyedWill = readonly [key: number, will: Will];

/** A session that wants in, or a client that says who it is. */
export interface Introduction {
  functionId: string;
  peer: string;
  /** With its query. */
  path: string;
  origin?: string | undefined;
  /** What the client's program says of itself. */
  hints: string;
  token?: string | undefined;
  jwt?: string | undefined;
}

/** Who a client is, and its socket. */
export interface Admission {
  client: string;
  by: Identity['by'];
  settings: SocketSettings;
  profile: BehavioralProfile;
  /** Which of the function's variants answers it; null: its endpoint. */
  variant: string | null;
  tenantWeight: number;
  problem: AppErrorName | null;
  /** To be shown the next time. */
  token: string | null;
}

/** What a shard does about pressure. */
export interface PressureOrders {
  /** New sessions are to come again, in about so many seconds. */
  refuses: boolean;
  retrySeconds: number;
  /** The least important sessions are dropped, some a tick. */
  drops: boolean;
}

/** How a shard's task ended. */
export interface ShardOutcome {
  failed: { code: string; message: string } | null;
}

export type ToShard =
  | { type: 'admitted'; request: number; admission: Admission }
  | { type: 'refused'; request: number; problem: AppErrorName; reason: string }
  | { type: 'jwtChecked'; request: number; verdict: JwtVerdict }
  | { type: 'peer'; answer: PeerAnswer; port?: MessagePort }
  | { type: 'functions'; request: number; table: FunctionTable }
  /** Of sessions of a shard that is gone. */
  | { type: 'wills'; wills: readonly KeyedWill[] }
  | { type: 'mode'; mode: 'enforce' | 'observe' }
  /** Other variants of their functions answer sessions from now on. */
  | { type: 'variants'; sessions: { handle: number; variant: string | null }[] }
  /** How unusual sessions are, and in what. */
  | { type: 'risks'; sessions: { handle: number; risk: number; reason: string }[] }
  /** Nobody says so any more. */
  | { type: 'noRisks' }
  /** How full the host will be: clients are told. */
  | { type: 'capacity'; outlook: CapacityOutlook }
  /** Limits shrink in `inMs`: clients are told. */
  | { type: 'limitsAhead'; headroom: number; inMs: number; reason: string }
  | { type: 'pressure'; orders: PressureOrders }
  /** Too much is held unread: connections that hold most go until it is no more than this. */
  | { type: 'boundUnread'; bytes: number }
  /** The UDP socket's receive buffer is to be of so many bytes. */
  | { type: 'receiveBuffer'; bytes: number }
  | { type: 'certificate'; pair: CertificatePair }
  | { type: 'wellKnown'; body: string }
  | { type: 'report'; request: number; features: boolean; only?: number | undefined }
  | { type: 'drain'; deadlineMs: number }
  | { type: 'retire' }
  | { type: 'close' };

export type FromShard =
  /** `core`: the shard's session records, for limits to be written into. */
  | { type: 'ready'; port: number; core: CoreShare }
  | { type: 'open'; request: number; introduction: Introduction }
  /** The same of a session that is open, by its first control message. */
  | { type: 'hello'; request: number; introduction: Introduction }
  | { type: 'checkJwt'; request: number; client: string; jwt: string; since: number; introduction: Introduction }
  | { type: 'peer'; handle: number; functionId: string; name: string }
  | { type: 'peerLeft'; handle: number }
  | { type: 'functionsLoaded'; request: number; error: string | null }
  | {
      type: 'level';
      client: string;
      functionId: string;
      from: SecurityLevel;
      to: SecurityLevel;
      reason: string;
      isEnforced: boolean;
    }
  | { type: 'updates'; updates: SessionUpdate[] }
  | { type: 'calls'; calls: FunctionCalls[] }
  /** What is to be told of a session's end should the shard die; and that it is told. */
  | { type: 'will'; key: number; will: Will }
  | { type: 'willDone'; key: number }
  /** Clients that were turned away at the door since the last tick, by address prefix. */
  | { type: 'turnedAway'; prefixes: [prefix: string, times: number][] }
  /** `features` has a row of `names` a session, or nothing where they were not asked for. */
  | { type: 'report'; request: number; sessions: SessionReport[]; features: Float32Array; names: readonly string[] }
  | { type: 'log'; level: 'info' | 'warn' | 'error'; message: string; detail?: Record<string, unknown> }
  | { type: 'drained' };

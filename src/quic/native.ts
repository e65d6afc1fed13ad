import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import { loadCopy } from './addon-copy.js';
import { TidegateError } from './errors.js';

/**
 * Cloudflare quiche as the sans-IO Node-API binding of @matrixai/quic (and its fork for Linux on ARM). Only the
 * platform packages are installed: each is the addon alone. Methods return null where quiche says Done, and throw an
 * Error whose message is the name of quiche's error, e.g. `StreamReset(7)`.
 */
export interface NativeHostPort {
  host: string;
  port: number;
}

export interface NativeRecvInfo {
  from: NativeHostPort;
  to: NativeHostPort;
}

export interface NativeConnectionError {
  isApp: boolean;
  errorCode: number;
  reason: Uint8Array;
}

interface NativePathStats {
  active: boolean;
  rtt: number;
  cwnd: number;
  lost: number;
  recv: number;
  sent: number;
  sentBytes: number;
  recvBytes: number;
  deliveryRate: number;
}

type NativePathEvent = { type: string; new?: NativeHostPort; peer?: NativeHostPort } & Record<string, unknown>;

export interface NativeConnection {
  setKeylog(path: string): void;
  recv(data: Uint8Array, info: NativeRecvInfo): number;
  send(data: Uint8Array): [number, { to: NativeHostPort }] | null;
  streamRecv(id: number, data: Uint8Array): [number, boolean] | null;
  streamSend(id: number, data: Uint8Array, fin: boolean): number | null;
  streamPriority(id: number, urgency: number, incremental: boolean): void;
  streamShutdown(id: number, direction: 0 | 1, code: number): undefined | null;
  streamCapacity(id: number): number;
  streamReadable(id: number): boolean;
  streamFinished(id: number): boolean;
  peerStreamsLeftBidi(): number;
  peerStreamsLeftUni(): number;
  readable(): Iterable<number>;
  dgramRecv(data: Uint8Array): number | null;
  dgramSend(data: Uint8Array): undefined | null;
  dgramMaxWritableLen(): number | null;
  timeout(): number | null;
  onTimeout(): void;
  migrateSource(local: NativeHostPort): number;
  newSourceCid(cid: Uint8Array, resetToken: bigint, retireIfNeeded: boolean): number;
  sourceCidsLeft(): number;
  pathEventNext(): NativePathEvent | null;
  retiredScidNext(): Uint8Array | null;
  close(application: boolean, code: number, reason: Uint8Array): undefined | null;
  peerCertChain(): Uint8Array[] | null;
  isEstablished(): boolean;
  isReadable(): boolean;
  isDraining(): boolean;
  isClosed(): boolean;
  isTimedOut(): boolean;
  peerError(): NativeConnectionError | null;
  localError(): NativeConnectionError | null;
  pathStats(): NativePathStats[];
  sendAckEliciting(): void;
}

export interface NativeConfig {
  verifyPeer(verify: boolean): void;
  grease(on: boolean): void;
  logKeys(): void;
  setApplicationProtos(protocols: string[]): void;
  setMaxIdleTimeout(ms: number): void;
  setMaxRecvUdpPayloadSize(bytes: number): void;
  setMaxSendUdpPayloadSize(bytes: number): void;
  setInitialMaxData(bytes: number): void;
  setInitialMaxStreamDataBidiLocal(bytes: number): void;
  setInitialMaxStreamDataBidiRemote(bytes: number): void;
  setInitialMaxStreamDataUni(bytes: number): void;
  setInitialMaxStreamsBidi(streams: number): void;
  setInitialMaxStreamsUni(streams: number): void;
  setActiveConnectionIdLimit(ids: number): void;
  setDisableActiveMigration(off: boolean): void;
  setCcAlgorithmName(name: string): void;
  enablePacing(on: boolean): void;
  enableHystart(on: boolean): void;
  enableDgram(on: boolean, receiveQueue: number, sendQueue: number): void;
  setMaxStreamWindow(bytes: number): void;
  setMaxConnectionWindow(bytes: number): void;
  setStatelessResetToken(token: bigint | null): void;
}

export interface NativeQuiche {
  Config: {
    withBoringSslCtx(
      verifyPeer: boolean,
      verifyAllowFail: boolean,
      ca: Uint8Array | null,
      keys: Uint8Array[] | null,
      certificates: Uint8Array[] | null,
      signatureAlgorithms: string | null,
    ): NativeConfig;
  };
  Connection: {
    connect(
      serverName: string | null,
      scid: Uint8Array,
      local: NativeHostPort,
      remote: NativeHostPort,
      config: NativeConfig,
    ): NativeConnection;
    accept(
      scid: Uint8Array,
      odcid: Uint8Array | null,
      local: NativeHostPort,
      remote: NativeHostPort,
      config: NativeConfig,
    ): NativeConnection;
  };
  retry(
    scid: Uint8Array,
    dcid: Uint8Array,
    newScid: Uint8Array,
    token: Uint8Array,
    version: number,
    out: Uint8Array,
  ): number;
}

const PACKAGES: Record<string, string> = {
  'linux-x64': '@matrixai/quic-linux-x64',
  'linux-arm64': '@infisical/quic-linux-arm64',
  'darwin-x64': '@matrixai/quic-darwin-x64',
  'darwin-arm64': '@matrixai/quic-darwin-arm64',
  'win32-x64': '@matrixai/quic-win32-x64',
};

let loaded: NativeQuiche | undefined;

/** The addon of this platform. Throws TIDEGATE_E_PLATFORM, which names what is missing. */
export function loadQuiche(): NativeQuiche {
  if (loaded !== undefined) return loaded;
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw new TidegateError('TIDEGATE_E_PLATFORM', `no QUIC engine for ${platform}`, {
      hint: `there is one for ${Object.keys(PACKAGES).join(', ')}`,
    });
  }
  try {
    const require = createRequire(import.meta.url);
    loaded = (isMainThread ? require(name) : loadCopy(require.resolve(name))) as NativeQuiche;
  } catch (cause) {
    throw new TidegateError(
      'TIDEGATE_E_PLATFORM',
      `the QUIC engine ${name} does not load: ${(cause as Error).message}`,
      {
        hint: 'it is an optional dependency: install without --omit=optional, on glibc rather than musl',
        cause,
      },
    );
  }
  return loaded;
}

/**
 * The host of a soak: `node --expose-gc soak-host.js DATA_DIR PORT STORE`. Asked over IPC it tells what it holds, and does to
 * itself what can't be done from without.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { SocketHost } from '../../src/host/socket-host.js';

export interface SoakState {
  sessions: number;
  connections: number;
  bufferBytes: number;
  opened: number;
  closed: number;
  refused: number;
  rss: number;
  heap: number;
  files: number;
  restarts: number;
  source: string;
  trained: number;
  anomalies: number;
  /** Lines of the log at warn and error since the host was asked last, and how often each came. */
  lines: Record<string, number>;
}

/** What the host is asked for; `clock`: ms by which its clock steps. */
export type SoakRequest = 'state' | 'close' | 'predictor' | { clock: number };

process.on('disconnect', () => process.exit(1));
/** Bytes that are resident and no file's: pages of the store's file come and go with the system's memory. */
function anonymous(): number {
  const kilobytes = /^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

const [dataDir, port, store] = process.argv.slice(2);
const host = new SocketHost(
  {
    dataDir,
    store,
    port: Number(port),
    shards: 1,
    tick: 1,
    handshakes: { retryAbove: 10_000, max: 10_000, maxPerPrefix: 10_000 },
    training: { every: 60, minSequences: 40, maxSequences: 200, iterations: 20, shadowTicks: 5, watchTicks: 10 },
    // What the chaos does is no abuse of its clients, and the soak is not to be asked for proofs.
    security: { points: [1e6, 1e6, 1e6] },
  },
  { shardWorker: new URL('../support/faulty-shard.js', import.meta.url).href },
);
let lines: Record<string, number> = {};
let trained = 0;
let anomalies = 0;
host.on('log', (level, message) => {
  if (/model|training/.test(message)) trained++;
  if (level !== 'info') lines[`${level}: ${message}`] = (lines[`${level}: ${message}`] ?? 0) + 1;
});
host.on('anomaly', () => anomalies++);
await host.start();
process.send?.({ url: host.url, hash: host.certificateHash });
const now = Date.now;
process.on('message', async (what: SoakRequest) => {
  if (typeof what === 'object') {
    Date.now = () => now() + what.clock;
    return;
  }
  if (what === 'predictor') {
    // A session that is none: the predictor's thread breaks at it.
    host.prediction.service?.opened(0, [null as never]);
    return;
  }
  if (what === 'close') {
    await host.close(2);
    process.exit(0);
  }
  globalThis.gc?.();
  const totals = host.shards.totals();
  const state: SoakState = {
    sessions: totals.sessions,
    connections: totals.connections,
    bufferBytes: totals.bufferBytes,
    opened: totals.sessionsOpened,
    closed: totals.sessionsClosed,
    refused: totals.sessionsRefused,
    rss: anonymous(),
    heap: process.memoryUsage().heapUsed,
    files: readdirSync('/proc/self/fd').length,
    restarts: host.restarts,
    source: host.prediction.state.source,
    trained,
    anomalies,
    lines,
  };
  lines = {};
  process.send?.(state);
});

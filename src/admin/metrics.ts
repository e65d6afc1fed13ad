import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type CounterName, GAUGE_NAMES } from '../host/shard/counters.js';
import type { SocketHost } from '../host/socket-host.js';
import { CollectedMetrics } from './collected.js';
import { addFunctionMetrics } from './function-metrics.js';
import { addLoadMetrics } from './load-metrics.js';
import { addPredictionMetrics } from './prediction-metrics.js';
import { addProfileMetrics } from './profile-metrics.js';

/** By bucket: what was dropped in front of it or had to wait there, as it was empty. */
const AT_BUCKET = {
  Session: 'their sessions’ limits',
  Function: 'the limits of their functions',
  Shard: 'the capacity of the shard',
} as const;

type BucketCounter = `${'dropped' | 'waited'}${keyof typeof AT_BUCKET}${'Bytes' | 'Packets'}`;

const HELP: Record<Exclude<CounterName, BucketCounter>, string> = {
  sessions: 'Sessions open',
  connections: 'QUIC connections',
  handshakes: 'QUIC handshakes in flight',
  accepted: 'QUIC connections that were begun by clients and taken on',
  established: 'QUIC connections whose handshake was done',
  retriesSent: 'Retry packets sent: addresses that had to be shown to be their senders’',
  answersHeld: 'First packets left unanswered, as answers to strangers had their share of the time',
  versionNegotiationsSent: 'Version Negotiation packets sent',
  statelessResetsSent: 'Stateless resets sent',
  refusedFull: 'Connections refused as all places were taken',
  refusedPrefix:
    'Connections refused as their address prefix had its share of handshakes in flight, or of those that fail',
  refusedToken: 'Connections refused for a Retry token that was forged or too old',
  evictedHandshakes: 'Handshakes that gave way to others',
  evictedConnections:
    'Connections of the address prefix with most of them that went for those of others, all places being taken',
  handshakeTimeouts: 'Handshakes that were not done in time',
  handshakeFloods: 'Packets of handshakes that had more than any takes, which nobody looks at',
  goodputClosed: 'Connections closed because they burned bytes for nothing',
  malformed: 'QUIC packets that could not be read',
  unknownConnection: 'QUIC packets that name no connection',
  wrongPath: 'QUIC packets of a connection from another address than its own',
  handedOn: 'Packets handed to the shard that owns them',
  unreadBytes: 'Bytes that came and that nobody has read yet, in QUIC and TCP',
  unreadClosed: 'Connections closed because they held most unread while there was no room',
  packetsIn: 'UDP packets received',
  packetsDelivered: 'UDP packets received that are of an established connection',
  packetsOut: 'UDP packets sent',
  bytesIn: 'UDP payload bytes received',
  bytesOut: 'UDP payload bytes sent',
  sessionsOpened: 'Sessions that were opened',
  sessionsRefused: 'Sessions that were refused',
  sessionsClosed: 'Sessions that ended',
  sessionsDeferred: 'Sessions that were told to come again later, under pressure',
  sessionsShed: 'Open sessions that were dropped under pressure',
  datagramsDropped: 'Datagrams dropped as they were over a limit',
  gateClamped: 'Times that the core was given what is out of range, and cut it',
  functionErrors: 'Functions that failed themselves, which ended their sessions',
  endpointErrors: 'Calls of endpoints that failed',
  undelivered: 'Datagrams that found no room in front of their function',
  buffersMade: 'Buffers for unread data that were made anew rather than used again',
  bufferBytes: 'Bytes of buffers that hold unread data',
  ringDropped: 'Packets for another shard that found no room on the way to it',
  requestFloods: 'Connections closed because they asked too often for sessions or pages',
  busyMicroseconds: 'Time in which the thread did not wait, µs',
  lagMs: 'How late the thread does what it is to do, ms: the worst of the last second',
  cpuMicroseconds: 'CPU time of the process since the shard started',
};

function helpOf(name: CounterName): string {
  const [, what, bucket, unit] = /^(dropped|waited)(Session|Function|Shard)(Bytes|Packets)$/.exec(name) ?? [];
  if (bucket === undefined) return HELP[name as keyof typeof HELP];
  const fate = what === 'dropped' ? 'dropped by' : 'that had to wait for';
  return `${unit} ${fate} ${AT_BUCKET[bucket as keyof typeof AT_BUCKET]}`;
}

function metricName(name: string): string {
  return `tidegate_${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
}

/** Prometheus metrics of a host: the counters of its shards, summed by shard label, and Node's own. */
export function createMetrics(host: SocketHost): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const names = Object.keys(host.shards.counters(0).snapshot()) as CounterName[];
  for (const name of names.filter((name) => name !== 'cpuMicroseconds')) {
    const isGauge = GAUGE_NAMES.includes(name);
    const options = {
      name: isGauge ? metricName(name) : `${metricName(name)}_total`,
      help: helpOf(name),
      labelNames: ['shard'],
      registers: [registry],
    };
    if (isGauge) {
      new Gauge({
        ...options,
        collect() {
          for (const shard of host.shards.live) this.set({ shard }, host.shards.counters(shard).get(name));
        },
      });
    } else {
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const shard of host.shards.live) this.inc({ shard }, host.shards.counters(shard).get(name));
        },
      });
    }
  }
  const metrics = new CollectedMetrics(registry);
  metrics.gauge('shards', 'Shards that serve', [], (set) => set(host.shards.live.length));
  metrics.counter('shard_restarts', 'Shards that ended unasked and were started again', [], () => [
    [host.restarts, {}],
  ]);
  metrics.gauge('certificate_not_after_seconds', 'End of the certificate, seconds since 1970', [], (set) =>
    set(host.certificateTime.notAfter / 1000),
  );
  addFunctionMetrics(host, metrics);
  addLoadMetrics(host, metrics);
  addPredictionMetrics(host, metrics);
  addProfileMetrics(host, metrics);
  return registry;
}

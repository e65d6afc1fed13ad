import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type CounterName, GAUGE_NAMES } from '../host/shard/counters.js';
import type { SocketHost } from '../host/socket-host.js';
import { CollectedMetrics } from './collected.js';
import { addLoadMetrics } from './load-metrics.js';
import { addPredictionMetrics } from './prediction-metrics.js';
import { addProfileMetrics } from './profile-metrics.js';

const HELP: Partial<Record<CounterName, string>> = {
  sessions: 'Sessions open',
  connections: 'QUIC connections',
  handshakes: 'QUIC handshakes in flight',
  sessionsDeferred: 'Sessions that were told to come again later, under pressure',
  sessionsShed: 'Open sessions that were dropped under pressure',
  packetsDelivered: 'UDP packets of a connection',
  bytesIn: 'UDP payload bytes received',
  bytesOut: 'UDP payload bytes sent',
  handedOn: 'Packets handed to the shard that owns them',
  requestFloods: 'Connections closed because they asked too often for sessions or pages',
  goodputClosed: 'Connections closed because they burned bytes for nothing',
  evictedConnections:
    'Connections of the address prefix with most of them that went for those of others, all places being taken',
  unreadBytes: 'Bytes that came and that nobody has read yet, in QUIC',
  unreadClosed: 'Connections closed because they held most unread while there was no room',
  endpointErrors: 'Calls of endpoints that failed',
  undelivered: 'Datagrams that found no room in front of their function',
  buffersMade: 'Buffers for unread data that were made anew rather than used again',
  bufferBytes: 'Bytes of buffers that hold unread data',
  busyMicroseconds: 'Time in which the thread did not wait, µs',
  lagMs: 'How late the thread does what it is to do, ms: the worst of the last second',
  cpuMicroseconds: 'CPU time of the process since the shard started',
};

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
      help: HELP[name] ?? `${metricName(name).replaceAll('_', ' ')} of a shard`,
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
  addLoadMetrics(host, metrics);
  addPredictionMetrics(host, metrics);
  addProfileMetrics(host, metrics);
  return registry;
}

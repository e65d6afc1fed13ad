import { LOADS, MINUTE } from '../host/scale/load-keeper.js';
import type { SocketHost } from '../host/socket-host.js';
import { PRESSURE_STEPS } from '../scale/pressure/pressure-ladder.js';
import type { CollectedMetrics } from './collected.js';

const QUANTILES = [0.1, 0.5, 0.9, 0.99];

/** Forecasts of the load, and the hosts that there should be. */
export function addLoadMetrics(host: SocketHost, metrics: CollectedMetrics): void {
  metrics.gauge(
    'load_forecast',
    'Forecast of sessions, or of bytes/s both ways, so many seconds ahead; not exceeded with the chance quantile',
    ['load', 'horizon', 'quantile'],
    (set) => {
      for (const load of LOADS) {
        for (const { horizon, quantile } of host.load.forecasts(load)) {
          for (const p of QUANTILES) {
            set(quantile(p) / MINUTE[load], { load, horizon: String(horizon * 60), quantile: String(p) });
          }
        }
      }
    },
  );
  metrics.gauge(
    'capacity',
    'Sessions, or bytes/s, that this host carries: as configured, or learned from its use of processors',
    ['load'],
    (set) => {
      for (const load of LOADS) {
        const capacity = host.load.capacity(load);
        if (capacity !== null) set(capacity / MINUTE[load], { load });
      }
    },
  );
  metrics.gauge('shards_wanted', 'Shards that there should be, as of the last second', [], (set) =>
    set(host.scaling.wantedShards),
  );
  metrics.gauge(
    'pressure_step',
    'What is done about pressure: 0 nothing, 1 signal, 2 shrink, 3 refuse, 4 drop',
    [],
    (set) => set(PRESSURE_STEPS.indexOf(host.scaling.step)),
  );
  metrics.gauge('unread_budget_bytes', 'Bytes that may wait unread in front of all sessions', [], (set) =>
    set(host.scaling.unreadBudget),
  );
  metrics.gauge(
    'receive_queue_bytes',
    'What waits in front of the fullest UDP socket, bytes as the kernel counts them',
    [],
    (set) => set(host.scaling.receiveQueues?.fullestBytes ?? null),
  );
  metrics.counter('receive_dropped', 'Packets that the kernel had no room for in front of the UDP sockets', [], () => {
    const { receiveQueues } = host.scaling;
    return receiveQueues === null ? [] : [[receiveQueues.dropped, {}]];
  });
  metrics.counter('pressure_steps', 'Times that a step was taken, from the one below', ['step'], () =>
    PRESSURE_STEPS.slice(1).map((step) => [host.scaling.reached[step], { step }] as const),
  );
  metrics.gauge('fleet_hosts', 'Hosts of the fleet that have been heard of, this one too', [], (set) =>
    set(host.load.hosts),
  );
  metrics.gauge(
    'desired_replicas',
    'Hosts that there should be by the time that one that is started now serves; NaN where nothing is known',
    [],
    (set) => set(host.load.desired?.replicas ?? null),
  );
}

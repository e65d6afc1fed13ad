import { Gauge, type Registry } from 'prom-client';
import { LOADS, type LoadName } from '../host/scale/load-keeper.js';
import type { SocketHost } from '../host/socket-host.js';
import { PARTS } from '../scale/forecast/load-history.js';

const QUANTILES = [0.1, 0.5, 0.9, 0.99];
/** What the load of a minute is in the unit of a metric: sessions on average, bytes a second. */
const UNIT: Record<LoadName, number> = { sessions: PARTS, bytes: 60 };

/** Forecasts of the load, and the hosts that there should be. */
export function addLoadMetrics(host: SocketHost, registry: Registry): void {
  new Gauge({
    name: 'tidegate_load_forecast',
    help: 'Forecast of sessions, or of bytes/s both ways, so many seconds ahead; not exceeded with the chance quantile',
    labelNames: ['load', 'horizon', 'quantile'],
    registers: [registry],
    collect() {
      this.reset();
      for (const load of LOADS) {
        for (const { horizon, quantile } of host.load.forecasts(load)) {
          for (const p of QUANTILES) {
            this.set({ load, horizon: String(horizon * 60), quantile: String(p) }, quantile(p) / UNIT[load]);
          }
        }
      }
    },
  });
  new Gauge({
    name: 'tidegate_capacity',
    help: 'Sessions, or bytes/s, that this host carries: as configured, or learned from its use of processors',
    labelNames: ['load'],
    registers: [registry],
    collect() {
      this.reset();
      for (const load of LOADS) {
        const capacity = host.load.capacity(load);
        if (capacity !== null) this.set({ load }, capacity / UNIT[load]);
      }
    },
  });
  new Gauge({
    name: 'tidegate_fleet_hosts',
    help: 'Hosts of the fleet that have been heard of, this one too',
    registers: [registry],
    collect() {
      this.set(host.load.hosts);
    },
  });
  new Gauge({
    name: 'tidegate_desired_replicas',
    help: 'Hosts that there should be by the time that one that is started now serves; NaN where nothing is known',
    registers: [registry],
    collect() {
      this.set(host.load.desired?.replicas ?? Number.NaN);
    },
  });
}

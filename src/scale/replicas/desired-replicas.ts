import type { LoadForecast } from '../forecast/load-horizon.js';

/** What a fleet is to look like. */
export interface ReplicaPolicy {
  /** Load of a minute that one replica serves. */
  capacity: number;
  /** Minutes until a replica that is asked for serves. */
  startMinutes: number;
  /** Room above the mean, in spreads where the spread is as large as what a replica serves. */
  margin: number;
  least: number;
  most: number;
}

/**
 * How the margin grows with the spread of the forecast: by its power. As many spreads everywhere (1) would have the same chance of too
 * little at all times, but where the spread is wide a replica more changes that chance the least: it spares more minutes elsewhere.
 */
const POWER = 0.8;

/** Minutes after the first in which a replica that is asked for now serves that are looked at too: it stays for a while. */
const SERVES = 2;

/**
 * Replicas that are wanted: for the most that is forecast for when a replica that is asked for now serves, with a margin
 * that grows with the spread of the forecast, but less than it does; where there is hardly any load little is spared. Never less than
 * `least`, nor more than `most`, whatever is forecast; null where nothing is.
 */
export function desiredReplicas(forecasts: readonly LoadForecast[], policy: ReplicaPolicy): number | null {
  const { capacity, startMinutes, margin, least, most } = policy;
  const first = forecasts.find(({ horizon }) => horizon >= startMinutes)?.horizon;
  if (first === undefined || !(capacity > 0)) return null;
  const loads = forecasts
    .filter(({ horizon }) => horizon >= first && horizon <= Math.max(first, startMinutes + SERVES))
    .map(({ mean, spread }) => mean + margin * spread ** POWER * Math.min(capacity, mean) ** (1 - POWER));
  const load = Math.max(...loads);
  return Number.isFinite(load) ? Math.max(least, Math.min(most, Math.ceil(load / capacity))) : null;
}

import type { LoadForecast } from '../forecast/load-horizon.js';

/** What a fleet is to look like. */
export interface ReplicaPolicy {
  /** Load of a minute that one replica serves. */
  capacity: number;
  /** Minutes until a replica that is asked for serves. */
  startMinutes: number;
  /** Spreads above the mean that there is room for. */
  margin: number;
  least: number;
  most: number;
}

/** Of a replica's load: so much a count of replicas is wrong by anyway, as there are no halves. */
const GRAIN = 1.5;

/** Minutes after the first in which a replica that is asked for now serves that are looked at too: it stays for a while. */
const SERVES = 2;

/**
 * Replicas that are wanted: for the most that is forecast for when a replica that is asked for now serves, with a margin
 * of spreads. The spread is that of the forecast and the grain of replicas together: where the forecast is sure of itself
 * a replica to spare is cheap, and where there is hardly any load none is spared. Never less than `least`, nor more than `most`, whatever is forecast; null where nothing is.
 */
export function desiredReplicas(forecasts: readonly LoadForecast[], policy: ReplicaPolicy): number | null {
  const { capacity, startMinutes, margin, least, most } = policy;
  const first = forecasts.find(({ horizon }) => horizon >= startMinutes)?.horizon;
  if (first === undefined || !(capacity > 0)) return null;
  const loads = forecasts
    .filter(({ horizon }) => horizon >= first && horizon <= Math.max(first, startMinutes + SERVES))
    .map(({ mean, spread }) => mean + margin * Math.hypot(spread, Math.min(GRAIN * capacity, mean)));
  const load = Math.max(...loads);
  return Number.isFinite(load) ? Math.max(least, Math.min(most, Math.ceil(load / capacity))) : null;
}

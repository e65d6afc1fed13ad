import { LoadForecaster } from '../forecast/load-forecaster.js';
import { DAY, PARTS } from '../forecast/load-history.js';
import type { LoadForecast } from '../forecast/load-horizon.js';
import { desiredReplicas } from '../replicas/desired-replicas.js';
import type { ScalingPolicy } from './cluster.js';

/** Kubernetes' horizontal pod autoscaler: within a tenth of the target nothing changes. */
const TOLERANCE = 0.1;

/** Minutes around now of the day before that a schedule looks at. */
const SCHEDULE_AROUND = 15;

/** The rule of the HPA on the load of the last minute, with a target use of the pods. */
export function hpa(minutes: Float64Array, capacity: number, target: number): ScalingPolicy {
  return {
    wish: (minute, ready, asked) => {
      const pods = Math.max(ready, 1);
      const use = minutes[minute] / (pods * capacity) / target;
      return Math.abs(use - 1) < TOLERANCE ? asked : Math.ceil(pods * use);
    },
  };
}

/** A schedule: what was needed around this time yesterday and, where it is known, a week ago, times a factor. */
export function schedule(minutes: Float64Array, capacity: number, factor: number): ScalingPolicy {
  const most = (from: number): number => {
    let load = 0;
    for (let t = Math.max(0, from - SCHEDULE_AROUND); t <= from + SCHEDULE_AROUND; t++)
      load = Math.max(load, minutes[t]);
    return load;
  };
  return {
    wish: (minute) => {
      const days = [minute - DAY, minute - 7 * DAY].filter((from) => from >= 0).map(most);
      return Math.ceil((Math.max(0, ...days) * factor) / capacity);
    },
  };
}

/** Forecasts of every minute, made as the series came. */
export function forecastsOf(parts: Float64Array, horizons: readonly number[]): LoadForecast[][] {
  const forecaster = new LoadForecaster(horizons);
  const all: LoadForecast[][] = [];
  for (let i = 0; i < parts.length; i++) if (forecaster.add(parts[i])) all.push(forecaster.forecasts());
  if (all.length !== Math.floor(parts.length / PARTS)) throw new RangeError('the parts make no whole minutes');
  return all;
}

/** What {@link ahead} is told of: pods are ready after two minutes. */
export const AHEAD = [2, 3, 4];

/** Ours: room for what is forecast for when a pod that is asked for now is ready, and a margin. */
export function ahead(forecasts: readonly LoadForecast[][], capacity: number, margin: number): ScalingPolicy {
  const policy = { capacity, startMinutes: 2, margin, least: 1, most: Number.MAX_SAFE_INTEGER };
  return { wish: (minute, _ready, asked) => desiredReplicas(forecasts[minute], policy) ?? asked };
}

import type { LoadForecast } from '../forecast/load-horizon.js';

/** How full the host will be: 1 is all that it can carry. */
export interface CapacityOutlook {
  in1m: number;
  in5m: number;
  /** What a client may send of what it wants to, for all to have room: 1 where there is room. */
  pace: number;
}

/** The load that is not exceeded nine times in ten counts. */
const SURE = 0.9;

/** From this fullness on clients are asked to hold back. */
export const TIGHT = 0.85;

/** How full a replica will be in one and five minutes; null where that is not known. */
export function outlookOf(forecasts: readonly LoadForecast[], capacity: number | null): CapacityOutlook | null {
  if (capacity === null || !(capacity > 0)) return null;
  const at = (minutes: number): number | null => {
    const forecast = forecasts.find(({ horizon }) => horizon === minutes);
    return forecast === undefined ? null : Math.max(0, forecast.quantile(SURE)) / capacity;
  };
  const [in1m, in5m] = [at(1), at(5)];
  if (in1m === null || in5m === null) return null;
  const most = Math.max(in1m, in5m);
  return { in1m, in5m, pace: most > TIGHT ? Math.max(0.1, TIGHT / most) : 1 };
}

/** A change of fullness that is worth a message, and the fullness below which nobody is told. */
const WORTH = 0.1;
const QUIET = 0.6;

/** Signals a minute at most. */
const MOST_A_MINUTE = 4;

/** Decides when clients are told of an outlook: when it has changed enough, and not too often. Times go in, ms. */
export class OutlookGate {
  #told: CapacityOutlook | null = null;
  #times: number[] = [];

  passes(outlook: CapacityOutlook, now: number): boolean {
    const told = this.#told;
    const changed =
      told === null
        ? Math.max(outlook.in1m, outlook.in5m) >= QUIET
        : Math.abs(outlook.in1m - told.in1m) >= WORTH ||
          Math.abs(outlook.in5m - told.in5m) >= WORTH ||
          Math.abs(outlook.pace - told.pace) >= WORTH;
    this.#times = this.#times.filter((time) => now - time < 60_000);
    if (!changed || this.#times.length >= MOST_A_MINUTE) return false;
    this.#times.push(now);
    // Back in the calm, the next one is told of as the first was.
    this.#told = outlook.pace === 1 && Math.max(outlook.in1m, outlook.in5m) < QUIET ? null : outlook;
    return true;
  }
}

import type { LoadForecaster } from '../../scale/forecast/load-forecaster.js';
import { DAY, PARTS } from '../../scale/forecast/load-history.js';

/** Minutes that are learned from again; those before are only known. */
const LEARNED_MINUTES = 2 * DAY;
/** Minutes of a slice, between which the host serves. */
const SLICE = 10;

/** Has a forecaster that is new take up the loads of past minutes, the latest last; NaN: nobody looked. */
export async function learnAgain(forecaster: LoadForecaster, minutes: readonly number[]): Promise<void> {
  const known = Math.max(0, minutes.length - LEARNED_MINUTES);
  forecaster.remember(minutes.slice(0, known));
  for (let minute = known; minute < minutes.length; minute++) {
    const load = minutes[minute];
    if (Number.isFinite(load)) for (let part = 0; part < PARTS; part++) forecaster.add(load / PARTS);
    else forecaster.remember([load]);
    if (minute % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

import { readFileSync } from 'node:fs';
import { TidegateError } from '../../quic/errors.js';
import { AXES, AXIS_COUNT } from './axes.js';

/** What is ordinary, and what a distance from it means: made by `tidegate eval --risk --fit`. */
export interface RiskScale {
  /** By axis: what ordinary sessions stay below in 19 of 20 minutes, and the mean of what they exceed it by. */
  axes: readonly { name: string; usual: number; scale: number }[];
  /** Suspicion and the share of abuse among sessions that are so suspicious, both rising; between them a straight line. */
  calibration: readonly (readonly [number, number])[];
}

const SCALE = new URL('../../../../models/risk.json', import.meta.url);

/** Share of the axes beside the largest in the suspicion of a session. */
const OTHERS = 0.3;

/** Seconds in which the suspicion of a session fades by half. */
export const SUSPICION_HALF_LIFE = 10;

/** Suspicion of an axis beyond which more changes nothing. */
const MOST = 10;

/** The scale of the package. Throws TIDEGATE_E_MODEL where a file is not of these axes. */
export function readScale(path: string | URL = SCALE): RiskScale {
  const scale = JSON.parse(readFileSync(path, 'utf8')) as RiskScale;
  const names = scale.axes.map(({ name }) => name).join();
  const wanted = AXES.map(({ name }) => name).join();
  if (names === wanted) return scale;
  throw new TidegateError('TIDEGATE_E_MODEL', `${path} is a scale of the axes ${names}; there are ${wanted}`, {
    hint: 'make it anew: tidegate eval --risk --fit',
  });
}

/** Distance of a value from what is ordinary on its axis, in mean excesses; 0 for what is usual. */
function excessOn(usual: number, scale: number, value: number): number {
  return value > usual ? Math.min((value - usual) / scale, MOST) : 0;
}

/** What is usual anywhere, by axis. */
export function usualOf(scale: RiskScale): Float32Array {
  return Float32Array.from(scale.axes, ({ usual }) => usual);
}

/**
 * Suspicion of a session: the largest excess, and a share of the others. Excesses over a high quantile are about
 * exponential, so one of `x` means odds of e^-x among ordinary sessions. `usual` is what is usual for its function.
 */
export function suspicionOf(scale: RiskScale, usual: Float32Array, values: Float32Array, at = 0): number {
  let largest = 0;
  let sum = 0;
  for (let i = 0; i < AXIS_COUNT; i++) {
    // Most values are usual: what they are measured by is not even looked at.
    if (!(values[at + i] > usual[i])) continue;
    const excess = excessOn(usual[i], scale.axes[i].scale, values[at + i]);
    sum += excess;
    if (excess > largest) largest = excess;
  }
  return largest + OTHERS * (sum - largest);
}

/** The axes that values are off on, the furthest first, with their excess. */
export function leadingAxes(
  scale: RiskScale,
  usual: Float32Array,
  values: Float32Array,
): [axis: number, excess: number][] {
  return AXES.map((_, i): [number, number] => [i, excessOn(usual[i], scale.axes[i].scale, values[i])])
    .filter(([, excess]) => excess > 0)
    .sort(([, a], [, b]) => b - a);
}

/** Calibrated risk, 0..1: isotonic regression (Zadrozny & Elkan 2002), drawn through its steps. */
export function riskOf({ calibration }: RiskScale, suspicion: number): number {
  let [x, y] = calibration[0];
  if (suspicion <= x) return y;
  for (let i = 1; i < calibration.length; i++) {
    const [nextX, nextY] = calibration[i];
    if (suspicion <= nextX) return y + ((suspicion - x) / (nextX - x)) * (nextY - y);
    [x, y] = [nextX, nextY];
  }
  return y;
}

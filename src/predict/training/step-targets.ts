import { REQUEST_TYPES, type RequestType } from '../../profile/behavioral-profile.js';
import { behaviourOf } from '../behaviour.js';
import { HORIZONS, LIMIT_UNIT } from '../model/outputs.js';
import { TARGET_COLUMNS, TARGETS } from '../model/train-graph.js';

/** Seconds of the behaviour to come. */
export const BEHAVIOUR_SECONDS = 30;
/** Seconds ahead of the expected rate. */
const RATE_HORIZON = 10;
/** A flow has many steps and one type: a step says less of it than a row after a packet. */
const STEP_TYPE_WEIGHT = 0.1;

/** Where the columns of each target begin. */
export const TARGET_PLACES = offsets(TARGETS);

function offsets<T extends Record<string, number>>(sizes: T): Record<keyof T, number> {
  let at = 0;
  const entries = Object.entries(sizes).map(([name, size]) => {
    const from = at;
    at += size;
    return [name, from];
  });
  return Object.fromEntries(entries);
}

/** Targets of which only the type is known, if it is: it counts `weight`. */
export function labelled(label: RequestType | null, weight: number): Float32Array {
  const targets = new Float32Array(TARGET_COLUMNS);
  if (label !== null) targets[TARGET_PLACES.type + REQUEST_TYPES.indexOf(label)] = weight;
  return targets;
}

/** What is to be known at the beginning of a second: what comes in it and after it, as far as `up` and `down` reach. */
export function stepTargets(
  up: ArrayLike<number>,
  down: ArrayLike<number>,
  second: number,
  label: RequestType | null,
): Float32Array {
  const targets = labelled(label, STEP_TYPE_WEIGHT);
  HORIZONS.forEach((horizon, i) => {
    if (second + horizon > up.length) return;
    let sum = 0;
    for (let s = second; s < second + horizon; s++) sum += up[s] + down[s];
    targets[TARGET_PLACES.mean + i] = Math.log1p(sum);
    targets[TARGET_PLACES.meanMask + i] = 1;
    if (horizon !== RATE_HORIZON) return;
    targets[TARGET_PLACES.rate] = sum / horizon / LIMIT_UNIT;
    targets[TARGET_PLACES.rateMask] = 1;
  });
  const bytes = up[second] + down[second];
  targets[TARGET_PLACES.any] = bytes > 0 ? 1 : 0;
  targets[TARGET_PLACES.limit] = bytes / LIMIT_UNIT;
  targets[TARGET_PLACES.limitMask] = 1;
  if (second + BEHAVIOUR_SECONDS <= up.length) {
    const kind = behaviourOf(up, down, second, second + BEHAVIOUR_SECONDS);
    targets[TARGET_PLACES.behaviour + REQUEST_TYPES.indexOf(kind)] = 1;
  }
  return targets;
}

/** Seconds in which errors are foretold. */
const ERROR_SECONDS = 60;

/** Adds what goes wrong after `second`: bits by second; `ended`: nothing can follow. */
export function addErrorTargets(
  targets: Float32Array,
  happened: ArrayLike<number>,
  second: number,
  ended: boolean,
): void {
  const end = Math.min(second + ERROR_SECONDS, happened.length);
  if (second + ERROR_SECONDS > happened.length && !ended) return;
  let bits = 0;
  for (let s = second; s < end; s++) bits |= happened[s];
  for (let i = 0; i < TARGETS.errors; i++) targets[TARGET_PLACES.errors + i] = (bits >> i) & 1;
  targets[TARGET_PLACES.risk] = (bits >> TARGETS.errors) & 1;
  targets[TARGET_PLACES.errorsMask] = 1;
}

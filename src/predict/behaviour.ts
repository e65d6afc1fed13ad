import type { RequestType } from '../profile/behavioral-profile.js';

/** Bytes/s below which a stretch is control, and from which it can be streaming. */
const QUIET = 100;
const BUSY = 2000;

/**
 * The kind of a stretch of whole seconds, from the bytes of each, up and down: by volume, steadiness and direction (the
 * rule of `score_flows.py`).
 */
export function behaviourOf(up: ArrayLike<number>, down: ArrayLike<number>, from: number, to: number): RequestType {
  const seconds = to - from;
  let [ups, downs, active] = [0, 0, 0];
  for (let s = from; s < to; s++) {
    ups += up[s];
    downs += down[s];
    if (up[s] + down[s] > 0) active++;
  }
  return kindOfSums(ups, downs, active, seconds);
}

/** The same from the sums: bytes up and down, and seconds with any. */
export function kindOfSums(ups: number, downs: number, active: number, seconds: number): RequestType {
  const total = ups + downs;
  if (total < QUIET * seconds) return 'control';
  const isSteady = total >= BUSY * seconds && active >= (seconds * 2) / 3;
  return isSteady && Math.max(ups, downs) >= 0.8 * total ? 'streaming' : 'transactional';
}

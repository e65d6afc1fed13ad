// Damped incremental statistics (Mirsky et al., "Kitsune", NDSS 2018, table 1) over four half-lives at once, two f64
// lanes a vector. Kept as weight, mean and variance (West 1979, weighted), not as sums: sums of squares cancel, and f32
// that decays at every packet drifts.
//
//   w <- w * 2^(-gap / h) + 1        r = 1 / w
//   m <- m + r (x - m)               v <- (1 - r) (v + r (x - m)^2)      with the m from before

import { HALF_LIFE_0, HALF_LIFE_1, HALF_LIFE_2, HALF_LIFE_3 } from './layout';

const LN2: f64 = 0.6931471805599453;
/** 2^-1000 is nothing, and still a normal number. */
const MOST_HALF_LIVES: f64 = 1000;
/** 1.5 * 2^52: adding it rounds to an integer that stands in the low bits. */
const ROUNDER: f64 = 6755399441055744;
const EXPONENT_BIAS: f64 = 1023;

// Taylor's coefficients of 2^f, |f| <= 1/2: exact at 0, where errors would add up packet after packet; 1.3e-7 at most.
const C1: f64 = LN2;
const C2: f64 = (LN2 * LN2) / 2;
const C3: f64 = (LN2 * LN2 * LN2) / 6;
const C4: f64 = (LN2 * LN2 * LN2 * LN2) / 24;
const C5: f64 = (LN2 * LN2 * LN2 * LN2 * LN2) / 120;
const C6: f64 = (LN2 * LN2 * LN2 * LN2 * LN2 * LN2) / 720;

/** 2^(-x) for x >= 0, two lanes; what is beyond 1000 counts as 1000. */
// @ts-ignore: decorator
@inline
function exp2Negative(x: v128): v128 {
  const y = f64x2.neg(f64x2.pmin(x, f64x2.splat(MOST_HALF_LIVES)));
  const rounded = f64x2.add(y, f64x2.splat(ROUNDER + EXPONENT_BIAS));
  const f = f64x2.sub(y, f64x2.sub(rounded, f64x2.splat(ROUNDER + EXPONENT_BIAS)));
  const f2 = f64x2.mul(f, f);
  const low = f64x2.add(f64x2.splat(1), f64x2.mul(f, f64x2.splat(C1)));
  const middle = f64x2.add(f64x2.splat(C2), f64x2.mul(f, f64x2.splat(C3)));
  const high = f64x2.add(
    f64x2.add(f64x2.splat(C4), f64x2.mul(f, f64x2.splat(C5))),
    f64x2.mul(f2, f64x2.splat(C6)),
  );
  const power = f64x2.add(low, f64x2.mul(f2, f64x2.add(middle, f64x2.mul(f2, high))));
  return f64x2.mul(power, i64x2.shl(rounded, 52));
}

/** Decay over `gap` ms for the two shorter half-lives. */
// @ts-ignore: decorator
@inline
export function decayShort(gap: f64): v128 {
  return exp2Negative(f64x2.mul(f64x2.splat(gap), f64x2(1 / HALF_LIFE_0, 1 / HALF_LIFE_1)));
}

/** Decay over `gap` ms for the two longer half-lives. */
// @ts-ignore: decorator
@inline
export function decayLong(gap: f64): v128 {
  return exp2Negative(f64x2.mul(f64x2.splat(gap), f64x2(1 / HALF_LIFE_2, 1 / HALF_LIFE_3)));
}

/** Adds a packet's one to the weights at `address`. Returns the share that it has of them. */
// @ts-ignore: decorator
@inline
export function addWeight(address: usize, decay: v128): v128 {
  const weight = f64x2.add(f64x2.mul(v128.load(address), decay), f64x2.splat(1));
  v128.store(address, weight);
  return f64x2.div(f64x2.splat(1), weight);
}

/** Takes `value` into a mean and a variance. */
// @ts-ignore: decorator
@inline
export function addValue(mean: usize, variance: usize, value: v128, share: v128): void {
  const old = v128.load(mean);
  const difference = f64x2.sub(value, old);
  const step = f64x2.mul(share, difference);
  v128.store(mean, f64x2.add(old, step));
  const spread = f64x2.add(v128.load(variance), f64x2.mul(difference, step));
  v128.store(variance, f64x2.mul(f64x2.sub(f64x2.splat(1), share), spread));
}

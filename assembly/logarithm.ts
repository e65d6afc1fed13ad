const LN2: f32 = 0.69314718;
const THIRD: f32 = 1 / 3.0;
const FIFTH: f32 = 1 / 5.0;
const SEVENTH: f32 = 1 / 7.0;
const NINTH: f32 = 1 / 9.0;
/** Bits of sqrt(1/2): mantissas from there to sqrt(2) keep the series short. */
const ROOT_HALF: i32 = 0x3f3504f3;
const MANTISSA: i32 = 0x7fffff;

/**
 * log(1 + x) for x >= 0, four lanes, to 2e-7 of itself, small x too: ln(m 2^k) = k ln 2 + 2 artanh(z / (2 + z)), z = m - 1,
 * where z is x itself for k = 0, so that nothing of it is lost in 1 + x.
 */
// @ts-ignore: decorator
@inline
export function log1p(x: v128): v128 {
  const bits = i32x4.sub(f32x4.add(x, f32x4.splat(1)), i32x4.splat(ROOT_HALF));
  const k = i32x4.shr_s(bits, 23);
  const mantissa = i32x4.add(v128.and(bits, i32x4.splat(MANTISSA)), i32x4.splat(ROOT_HALF));
  const isSmall = i32x4.eq(k, i32x4.splat(0));
  const z = v128.bitselect(x, f32x4.sub(mantissa, f32x4.splat(1)), isSmall);
  const s = f32x4.div(z, f32x4.add(z, f32x4.splat(2)));
  const s2 = f32x4.mul(s, s);
  let series = f32x4.add(f32x4.splat(SEVENTH), f32x4.mul(s2, f32x4.splat(NINTH)));
  series = f32x4.add(f32x4.splat(FIFTH), f32x4.mul(s2, series));
  series = f32x4.add(f32x4.splat(THIRD), f32x4.mul(s2, series));
  series = f32x4.add(f32x4.splat(1), f32x4.mul(s2, series));
  const two = f32x4.add(s, s);
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(k), f32x4.splat(LN2)), f32x4.mul(two, series));
}

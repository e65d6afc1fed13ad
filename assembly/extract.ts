// Features of sessions as rows of f32, in the order of FEATURE_NAMES, for the predictor.
//
//   w' = w 2^(-(now - last) / h)                     the weight decayed to now
//   count        log1p(w')                           Kitsune: w
//   bytes        log1p(w' mean size)
//   size         log1p(mean size)                    bytes; sizeDeviation: of the standard deviation
//   gap          log1p(mean gap)                     ms between packets; gapDeviation likewise. A direction's first gap
//                                                    is from the opening
//   burstiness   (s - m) / (s + m) of the gaps       Goh and Barabási 2008: -1 regular, 0 Poisson, 1 bursts
//   phase        idle / mean gap, at most 4          where it stands between two packets: who sends every ten seconds is
//   due          s until the mean gap is over        silent for nine and sends in the tenth, which averages can't say.
//                                                    due is within 4 and below 0 when it is; both are 0 without packets
//   ratio        (in + 1/2) / (in + out + 1) of w' mean size
//   correlation  cov / sqrt(var in * var out)        of a host packet's size and the client's packet before it;
//                                                    Kitsune: PCC
//   turn.*       log1p of the number of turns, and of the means over turns of request bytes, reply bytes, delay in ms
//   idle.*, age  log1p of ms since the direction's last packet, since the opening
//   wireRatio    log1p of the connection's UDP bytes for a byte of use
//   event.*      log1p of counts
//   opening.*    signed log1p of size (negative: to the client), log1p of the gap in ms, of the first 16 packets

import { decayLong, decayShort } from './damped';
import {
  COVARIANCE,
  EVENTS,
  IN_STATS,
  OPENED,
  OPENING_SIZES,
  OUT_STATS,
  ROW,
  STAT_GAP,
  STAT_GAP_VARIANCE,
  STAT_LAST,
  STAT_SIZE,
  STAT_SIZE_VARIANCE,
  STAT_WEIGHT,
  TURN_REQUEST,
  TURNS,
  WIRE_RATIO,
} from './layout';
import { log1p } from './logarithm';
import { cleanTime, isInRange, record } from './table';

/** Deviations below this share of the means are noise, no ground for a correlation. */
const NOISE: f32 = 1e-6;

/** Largest phase, and seconds that due can be. */
const FAR: f64 = 4;

/** Two vectors of two f64 as one of four f32. */
// @ts-ignore: decorator
@inline
function narrow(low: v128, high: v128): v128 {
  return i64x2.shuffle(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

// @ts-ignore: decorator
@inline
function lanes(address: usize): v128 {
  return narrow(v128.load(address), v128.load(address, 16));
}

/** Seconds that are left of mean gaps: the difference of large numbers, so of f64. */
// @ts-ignore: decorator
@inline
function dueIn(gap: v128, idle: f64): v128 {
  const left = f64x2.div(f64x2.sub(gap, f64x2.splat(idle)), f64x2.splat(1000));
  return f64x2.pmax(f64x2.splat(-FAR), f64x2.pmin(f64x2.splat(FAR), left));
}

/** Writes a direction's features of the four half-lives; returns its decayed bytes. */
// @ts-ignore: decorator
@inline
function direction(stats: usize, row: usize, now: f64): v128 {
  const idle = max(now - load<f64>(stats, STAT_LAST), 0);
  const weight0 = f64x2.mul(v128.load(stats, STAT_WEIGHT), decayShort(idle));
  const weight1 = f64x2.mul(v128.load(stats, STAT_WEIGHT + 16), decayLong(idle));
  const count = narrow(weight0, weight1);
  const size = lanes(stats + STAT_SIZE);
  const bytes = f32x4.mul(count, size);
  const gap = lanes(stats + STAT_GAP);
  const gapDeviation = f32x4.sqrt(lanes(stats + STAT_GAP_VARIANCE));
  v128.store(row, log1p(count));
  v128.store(row, log1p(bytes), 16);
  v128.store(row, log1p(size), 32);
  v128.store(row, log1p(f32x4.sqrt(lanes(stats + STAT_SIZE_VARIANCE))), 48);
  v128.store(row, log1p(gap), 64);
  v128.store(row, log1p(gapDeviation), 80);
  v128.store(row, quotient(f32x4.sub(gapDeviation, gap), f32x4.add(gapDeviation, gap)), 96);
  v128.store(row, f32x4.pmin(f32x4.splat(<f32>FAR), quotient(f32x4.splat(<f32>idle), gap)), 112);
  const due = narrow(dueIn(v128.load(stats, STAT_GAP), idle), dueIn(v128.load(stats, STAT_GAP + 16), idle));
  v128.store(row, v128.and(due, f32x4.gt(gap, f32x4.splat(0))), 128);
  return bytes;
}

/** a / b, 0 where b is. */
// @ts-ignore: decorator
@inline
function quotient(a: v128, b: v128): v128 {
  return v128.and(f32x4.div(a, b), f32x4.gt(b, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
function correlation(r: usize): v128 {
  const inSize = lanes(r + IN_STATS + STAT_SIZE);
  const outSize = lanes(r + OUT_STATS + STAT_SIZE);
  const inDeviation = f32x4.sqrt(lanes(r + IN_STATS + STAT_SIZE_VARIANCE));
  const outDeviation = f32x4.sqrt(lanes(r + OUT_STATS + STAT_SIZE_VARIANCE));
  const noise = f32x4.splat(NOISE);
  const isReal = v128.and(
    f32x4.gt(inDeviation, f32x4.mul(inSize, noise)),
    f32x4.gt(outDeviation, f32x4.mul(outSize, noise)),
  );
  const value = f32x4.div(lanes(r + COVARIANCE), f32x4.mul(inDeviation, outDeviation));
  const bounded = f32x4.pmax(f32x4.splat(-1), f32x4.pmin(f32x4.splat(1), value));
  return v128.and(bounded, isReal);
}

/** One session's features into `row`. */
// @ts-ignore: decorator
@inline
function extractOne(r: usize, row: usize, now: f64): void {
  const bytesIn = direction(r + IN_STATS, row, now);
  const bytesOut = direction(r + OUT_STATS, row + 144, now);
  const share = f32x4.add(bytesIn, f32x4.splat(0.5));
  v128.store(row, f32x4.div(share, f32x4.add(f32x4.add(bytesIn, bytesOut), f32x4.splat(1))), 288);
  v128.store(row, correlation(r), 304);
  const turns = f32x4.replace_lane(v128.load(r, TURN_REQUEST - 4), 0, <f32>load<u32>(r, TURNS));
  v128.store(row, log1p(turns), 320);
  const idleIn = <f32>max(now - load<f64>(r, IN_STATS + STAT_LAST), 0);
  const idleOut = <f32>max(now - load<f64>(r, OUT_STATS + STAT_LAST), 0);
  const age = <f32>max(now - load<f64>(r, OPENED), 0);
  let other = f32x4.splat(idleIn);
  other = f32x4.replace_lane(other, 1, idleOut);
  other = f32x4.replace_lane(other, 2, age);
  other = f32x4.replace_lane(other, 3, load<f32>(r, WIRE_RATIO));
  v128.store(row, log1p(other), 336);
  v128.store(row, log1p(f32x4.convert_i32x4_u(v128.load(r, EVENTS))), 352);
  v128.store(row, log1p(f32x4.convert_i32x4_u(v128.load(r, EVENTS + 16))), 368);
  // The opening is kept as it is wanted here.
  for (let i: usize = 0; i < 128; i += 16) v128.store(row + i, v128.load(r + i, OPENING_SIZES), 384);
}

/**
 * Writes the features of `n` sessions, whose slots stand as u32 at `slots`, as rows one behind the other at `out`, as of
 * `now` (ms). Slots out of range leave rows of 0.
 */
export function extract(slots: usize, n: u32, out: usize, now: f64): void {
  const time = cleanTime(now);
  let row = out;
  for (let i: u32 = 0; i < n; i++) {
    const slot = load<u32>(slots + i * 4);
    if (isInRange(slot)) extractOne(record(slot), row, time);
    else memory.fill(row, 0, ROW);
    row += ROW;
  }
}

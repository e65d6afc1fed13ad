// What a packet leaves in a session's record: damped statistics, turns, opening packets.

import { addValue, addWeight, decayLong, decayShort } from './damped';
import {
  COVARIANCE,
  FLAG_ANY,
  FLAG_LAST_OUT,
  FLAG_OPENING_MASK,
  FLAG_OPENING_SHIFT,
  FLAGS,
  IN_STATS,
  LAST_SIZE,
  OPENING_GAPS,
  OPENING_PACKETS,
  OPENING_SIZES,
  OUT_STATS,
  RUN_BYTES,
  STAT_GAP,
  STAT_GAP_VARIANCE,
  STAT_LAST,
  STAT_SIZE,
  STAT_SIZE_VARIANCE,
  STAT_TOTAL_BYTES,
  STAT_TOTAL_PACKETS,
  STAT_WEIGHT,
  TURN_DELAY,
  TURN_REPLY,
  TURN_REQUEST,
  TURNS,
} from './layout';
import { log1p } from './logarithm';

/** Turns that the means over turns look back on. */
const TURN_MEMORY: u32 = 8;

/** m + (x - m) / min(n, TURN_MEMORY): the mean of the first turns, then weighted exponentially. */
// @ts-ignore: decorator
@inline
function overTurns(address: usize, turns: u32, value: f64): void {
  const mean = <f64>load<f32>(address);
  store<f32>(address, <f32>(mean + (value - mean) / <f64>min(turns, TURN_MEMORY)));
}

/** Size and gap of one of the session's first packets. Returns the flags that follow. */
function noteOpening(r: usize, flags: u32, out: bool, bytes: u32, now: f64): u32 {
  const at = r + ((flags >> FLAG_OPENING_SHIFT) & FLAG_OPENING_MASK) * 4;
  const last = max(load<f64>(r, IN_STATS + STAT_LAST), load<f64>(r, OUT_STATS + STAT_LAST));
  const logs = log1p(f32x4.replace_lane(f32x4.splat(<f32>bytes), 1, <f32>max(now - last, 0)));
  const size = f32x4.extract_lane(logs, 0);
  store<f32>(at, out ? -size : size, OPENING_SIZES);
  store<f32>(at, f32x4.extract_lane(logs, 1), OPENING_GAPS);
  return flags + (1 << FLAG_OPENING_SHIFT);
}

/** c + share ((x - mx)(y - my) - c), with both means as they are now. */
// @ts-ignore: decorator
@inline
function addProduct(r: usize, lane: usize, size: v128, share: v128): void {
  const mine = f64x2.sub(size, v128.load(r + lane, OUT_STATS + STAT_SIZE));
  const last = f64x2.splat(<f64>load<u32>(r, LAST_SIZE));
  const theirs = f64x2.sub(last, v128.load(r + lane, IN_STATS + STAT_SIZE));
  const old = v128.load(r + lane, COVARIANCE);
  const step = f64x2.mul(share, f64x2.sub(f64x2.mul(mine, theirs), old));
  v128.store(r + lane, f64x2.add(old, step), COVARIANCE);
}

// @ts-ignore: decorator
@inline
function lengthenRun(r: usize, bytes: u32): void {
  const run = load<u32>(r, RUN_BYTES);
  store<u32>(r, run + bytes < run ? u32.MAX_VALUE : run + bytes, RUN_BYTES);
}

/** The client's packet belongs to its question; where the host spoke before, its answer is complete. */
// @ts-ignore: decorator
@inline
function turnIn(r: usize, flags: u32, bytes: u32): u32 {
  store<u32>(r, bytes, LAST_SIZE);
  if ((flags & FLAG_LAST_OUT) != 0) {
    // Where the host spoke first there was no question.
    const turns = load<u32>(r, TURNS);
    if (turns > 0) overTurns(r + TURN_REPLY, turns, <f64>load<u32>(r, RUN_BYTES));
    store<u32>(r, bytes, RUN_BYTES);
  } else {
    lengthenRun(r, bytes);
  }
  return (flags | FLAG_ANY) & ~FLAG_LAST_OUT;
}

/** The host's packet belongs to its answer; where the client spoke before, its question is complete. */
// @ts-ignore: decorator
@inline
function turnOut(r: usize, flags: u32, bytes: u32, now: f64): u32 {
  if ((flags & (FLAG_ANY | FLAG_LAST_OUT)) == FLAG_ANY) {
    const turns = min(load<u32>(r, TURNS), u32.MAX_VALUE - 1) + 1;
    store<u32>(r, turns, TURNS);
    overTurns(r + TURN_REQUEST, turns, <f64>load<u32>(r, RUN_BYTES));
    overTurns(r + TURN_DELAY, turns, max(now - load<f64>(r, IN_STATS + STAT_LAST), 0));
    store<u32>(r, bytes, RUN_BYTES);
  } else {
    lengthenRun(r, bytes);
  }
  return flags | FLAG_ANY | FLAG_LAST_OUT;
}

/** ms since `last`, 0 where the clock went back; and the time is kept. */
// @ts-ignore: decorator
@inline
function gapSince(stats: usize, now: f64): f64 {
  const last = load<f64>(stats, STAT_LAST);
  if (!(now > last)) return 0;
  store<f64>(stats, now, STAT_LAST);
  return now - last;
}

// @ts-ignore: decorator
@inline
function addLanes(stats: usize, size: v128, gap: v128, share: v128): void {
  addValue(stats + STAT_SIZE, stats + STAT_SIZE_VARIANCE, size, share);
  addValue(stats + STAT_GAP, stats + STAT_GAP_VARIANCE, gap, share);
}

/** Takes a packet at `now` (ms) into the record, whose flags are `before`. */
// @ts-ignore: decorator
@inline
export function observe(r: usize, before: u32, out: bool, bytes: u32, now: f64): void {
  let flags = before;
  if (((flags >> FLAG_OPENING_SHIFT) & FLAG_OPENING_MASK) < OPENING_PACKETS) {
    flags = noteOpening(r, flags, out, bytes, now);
  }
  const stats = r + (out ? OUT_STATS : IN_STATS);
  const size = f64x2.splat(<f64>bytes);
  const gap = gapSince(stats, now);
  const gaps = f64x2.splat(gap);
  const share0 = addWeight(stats + STAT_WEIGHT, decayShort(gap));
  const share1 = addWeight(stats + STAT_WEIGHT + 16, decayLong(gap));
  addLanes(stats, size, gaps, share0);
  addLanes(stats + 16, size, gaps, share1);
  if (out) {
    addProduct(r, 0, size, share0);
    addProduct(r, 16, size, share1);
    flags = turnOut(r, flags, bytes, now);
  } else {
    flags = turnIn(r, flags, bytes);
  }
  store<u32>(r, flags, FLAGS);
}

// @ts-ignore: decorator
@inline
export function countPassed(stats: usize, bytes: u32): void {
  store<f64>(stats, load<f64>(stats, STAT_TOTAL_BYTES) + <f64>bytes, STAT_TOTAL_BYTES);
  store<f64>(stats, load<f64>(stats, STAT_TOTAL_PACKETS) + 1, STAT_TOTAL_PACKETS);
}

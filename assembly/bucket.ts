// Token buckets in whole numbers: tokens are billionths of a byte (or packet), time is nanoseconds, rates are bytes/s,
// so that a refill is a product without remainder and nothing ever drifts.

import {
  BUCKET_BURST,
  BUCKET_BYTES,
  BUCKET_PACKET_BURST,
  BUCKET_PACKET_RATE,
  BUCKET_PACKETS,
  BUCKET_RATE,
  BUCKET_REFILLED,
  MAX_BURST,
  MAX_RATE,
} from './layout';

/** Tokens of one byte or packet. */
export const UNIT: i64 = 1_000_000_000;
/** Elapsed ns below which elapsed * MAX_RATE fits in an i64. */
const SHORT: i64 = 1 << 29;
/** Above the fullest bucket with its reserve overdrawn, and below i64's end by more than f64 can err. */
const MORE_THAN_FULL: f64 = 4611686018427387904;

// @ts-ignore: decorator
@inline
function filled(tokens: i64, rate: i64, full: i64, elapsed: i64): i64 {
  if (elapsed >= SHORT && <f64>elapsed * <f64>rate >= MORE_THAN_FULL) return full;
  const gain = elapsed * rate;
  return gain >= full - tokens ? full : tokens + gain;
}

// @ts-ignore: decorator
@inline
export function fullBytes(b: usize): i64 {
  return <i64>load<u32>(b, BUCKET_BURST) * UNIT;
}

// @ts-ignore: decorator
@inline
export function fullPackets(b: usize): i64 {
  return <i64>load<u32>(b, BUCKET_PACKET_BURST) * UNIT;
}

/** ns since the last refill; the refill is now. A clock that went back fills nothing until it has caught up. */
// @ts-ignore: decorator
@inline
export function elapse(b: usize, now: i64): i64 {
  const refilled = load<i64>(b, BUCKET_REFILLED);
  const latest = max(now, refilled);
  store<i64>(b, latest, BUCKET_REFILLED);
  return latest - refilled;
}

/** Tokens for bytes after `elapsed` ns; the caller stores them. */
// @ts-ignore: decorator
@inline
export function bytesAfter(b: usize, elapsed: i64): i64 {
  return filled(load<i64>(b, BUCKET_BYTES), load<i64>(b, BUCKET_RATE), fullBytes(b), elapsed);
}

/** Tokens for packets after `elapsed` ns; the caller stores them. */
// @ts-ignore: decorator
@inline
export function packetsAfter(b: usize, elapsed: i64): i64 {
  return filled(load<i64>(b, BUCKET_PACKETS), <i64>load<u32>(b, BUCKET_PACKET_RATE), fullPackets(b), elapsed);
}

// @ts-ignore: decorator
@inline
export function setTokens(b: usize, bytes: i64, packets: i64): void {
  store<i64>(b, bytes, BUCKET_BYTES);
  store<i64>(b, packets, BUCKET_PACKETS);
}

/** Brings a bucket to `now`. */
// @ts-ignore: decorator
@inline
export function refill(b: usize, now: i64): void {
  const elapsed = elapse(b, now);
  setTokens(b, bytesAfter(b, elapsed), packetsAfter(b, elapsed));
}

// @ts-ignore: decorator
@inline
export function spend(b: usize, bytes: i64, packets: i64): void {
  setTokens(b, load<i64>(b, BUCKET_BYTES) - bytes, load<i64>(b, BUCKET_PACKETS) - packets);
}

/** Gives back what was taken and not used; never more than full. */
// @ts-ignore: decorator
@inline
export function refund(b: usize, bytes: i64, packets: i64): void {
  store<i64>(b, min(load<i64>(b, BUCKET_BYTES) + bytes, fullBytes(b)), BUCKET_BYTES);
  store<i64>(b, min(load<i64>(b, BUCKET_PACKETS) + packets, fullPackets(b)), BUCKET_PACKETS);
}

/** tokens * to / from, exactly (rounded down): both below 2^32, tokens at most from * UNIT. A debt stays a debt. */
function inProportion(tokens: i64, from: u32, to: u32): i64 {
  if (tokens <= 0) return tokens;
  if (from == 0) return <i64>to * UNIT;
  const whole = tokens / <i64>from;
  const rest = <u64>(tokens % <i64>from);
  return whole * <i64>to + <i64>((rest * <u64>to) / <u64>from);
}

// @ts-ignore: decorator
@inline
function whole(value: f64, most: f64): f64 {
  // NaN compares false: it becomes 0 as a negative does.
  return value > 0 ? (value < most ? Math.floor(value) : most) : 0;
}

/** New limits from now on; tokens keep their share of the burst. Fractions are cut, what is out of range is clamped. */
export function relimit(b: usize, now: i64, rate: f64, burst: f64, packetRate: f64, packetBurst: f64): void {
  refill(b, now);
  const bytes = <u32>whole(burst, MAX_BURST);
  const packets = <u32>whole(packetBurst, MAX_BURST);
  store<i64>(b, inProportion(load<i64>(b, BUCKET_BYTES), load<u32>(b, BUCKET_BURST), bytes), BUCKET_BYTES);
  const left = inProportion(load<i64>(b, BUCKET_PACKETS), load<u32>(b, BUCKET_PACKET_BURST), packets);
  store<i64>(b, left, BUCKET_PACKETS);
  store<i64>(b, <i64>whole(rate, MAX_RATE), BUCKET_RATE);
  store<u32>(b, bytes, BUCKET_BURST);
  store<u32>(b, <u32>whole(packetRate, MAX_BURST), BUCKET_PACKET_RATE);
  store<u32>(b, packets, BUCKET_PACKET_BURST);
}

/** A full bucket that is as good as none. */
export function unlimit(b: usize, now: i64): void {
  const most = <u32>MAX_BURST;
  store<i64>(b, <i64>most * UNIT, BUCKET_BYTES);
  store<i64>(b, <i64>most * UNIT, BUCKET_PACKETS);
  store<i64>(b, now, BUCKET_REFILLED);
  store<i64>(b, <i64>MAX_RATE, BUCKET_RATE);
  store<u32>(b, most, BUCKET_BURST);
  store<u32>(b, most, BUCKET_PACKET_RATE);
  store<u32>(b, most, BUCKET_PACKET_BURST);
}

// @ts-ignore: decorator
@inline
export function isLimited(b: usize): bool {
  return (
    load<i64>(b, BUCKET_RATE) < <i64>MAX_RATE ||
    load<u32>(b, BUCKET_BURST) < <u32>MAX_BURST ||
    load<u32>(b, BUCKET_PACKET_RATE) < <u32>MAX_BURST ||
    load<u32>(b, BUCKET_PACKET_BURST) < <u32>MAX_BURST
  );
}

/** ns until `missing` tokens have come; Infinity where none come. */
function timeFor(missing: i64, rate: i64): f64 {
  if (missing <= 0) return 0;
  if (rate == 0) return Infinity;
  return <f64>((missing - 1) / rate + 1);
}

/** ns until the bucket, refilled to now, would give `bytes` (at most its burst) and a packet; Infinity for no burst. */
export function waitOf(b: usize, bytes: i64): f64 {
  const mostBytes = fullBytes(b);
  const mostPackets = fullPackets(b);
  if (mostPackets == 0 || (mostBytes == 0 && bytes > 0)) return Infinity;
  return max(
    timeFor(min(bytes, mostBytes) - load<i64>(b, BUCKET_BYTES), load<i64>(b, BUCKET_RATE)),
    timeFor(UNIT - load<i64>(b, BUCKET_PACKETS), <i64>load<u32>(b, BUCKET_PACKET_RATE)),
  );
}

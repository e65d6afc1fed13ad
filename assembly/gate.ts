// The gate: each packet updates its session's features, takes tokens and gets a verdict.

import { bytesAfter, elapse, packetsAfter, refill, refund, setTokens, spend, UNIT, waitOf } from './bucket';
import {
  APPLIED,
  BATCH_STRIDE,
  BUCKET_BYTES,
  BUCKET_PACKETS,
  CLOSED,
  CONTROL_RESERVE_BYTES,
  CONTROL_RESERVE_PACKETS,
  DROPS,
  EVENT_DROPPED,
  EVENT_WAITED,
  FLAG_FUNCTION_SHIFT,
  FLAG_IN_LIMITED,
  FLAG_LAST_OUT,
  FLAG_OBSERVE,
  FLAG_OUT_LIMITED,
  FLAGS,
  FUNCTION_BYTES,
  IN_BUCKET,
  IN_STATS,
  MAX_PACKET_BYTES,
  MAX_SLOTS,
  OUT_BIT,
  OUT_BUCKET,
  OUT_STATS,
  PASS,
  PUBLISHED,
  SCRATCH,
  SCRATCH_SIZE,
  SESSION_BYTES,
  SHARD_BYTES,
  STAT_TOTAL_BYTES,
  STAT_TOTAL_PACKETS,
  TURNS,
  WAITS,
} from './layout';
import { countPassed, observe } from './observe';
import {
  addEvents,
  applyPublished,
  cleanTime,
  find,
  isInRange,
  isShared,
  nanoseconds,
  noteClamp,
  record,
  sharedBucket,
} from './table';

// @ts-ignore: decorator
@inline
function cleanBytes(bytes: u32): u32 {
  if (bytes <= MAX_PACKET_BYTES) return bytes;
  noteClamp();
  return MAX_PACKET_BYTES;
}

// @ts-ignore: decorator
@inline
function count(counters: usize, reason: u32): void {
  const at = counters + reason * 8;
  store<f64>(at, load<f64>(at) + 1);
}

/** PASS, or which of `first` (bytes) and the one after it (packets) is short. */
// @ts-ignore: decorator
@inline
function shortOf(tokens: i64, packets: i64, bytes: i64, first: u32): u32 {
  return tokens < bytes ? first : packets < UNIT ? first + 1 : PASS;
}

// @ts-ignore: decorator
@inline
function refreshed(r: usize, ns: i64): u32 {
  if (atomic.load<u32>(r, PUBLISHED) != load<u32>(r, APPLIED)) applyPublished(r, ns);
  return load<u32>(r, FLAGS);
}

/**
 * Takes a packet from the function's and the shard's buckets too: all of them or none. All tokens are reckoned before any
 * is stored: a load that has to wait for a store of the same call is most of what a decision costs.
 */
function admitShared(b: usize, flags: u32, out: bool, bytes: i64, ns: i64): u32 {
  const index = flags >> FLAG_FUNCTION_SHIFT;
  const shard = sharedBucket(0, out);
  const elapsed = elapse(b, ns);
  const tokens = bytesAfter(b, elapsed);
  const packets = packetsAfter(b, elapsed);
  const elapsedShard = elapse(shard, ns);
  const tokensShard = bytesAfter(shard, elapsedShard);
  const packetsShard = packetsAfter(shard, elapsedShard);
  let reason = shortOf(tokens, packets, bytes, SESSION_BYTES);
  if (index != 0) {
    const own = sharedBucket(index, out);
    const elapsedOwn = elapse(own, ns);
    const tokensOwn = bytesAfter(own, elapsedOwn);
    const packetsOwn = packetsAfter(own, elapsedOwn);
    if (reason == PASS) reason = shortOf(tokensOwn, packetsOwn, bytes, FUNCTION_BYTES);
    if (reason == PASS) reason = shortOf(tokensShard, packetsShard, bytes, SHARD_BYTES);
    const passes = reason == PASS;
    setTokens(own, passes ? tokensOwn - bytes : tokensOwn, passes ? packetsOwn - UNIT : packetsOwn);
  } else if (reason == PASS) {
    reason = shortOf(tokensShard, packetsShard, bytes, SHARD_BYTES);
  }
  const passes = reason == PASS;
  setTokens(b, passes ? tokens - bytes : tokens, passes ? packets - UNIT : packets);
  setTokens(shard, passes ? tokensShard - bytes : tokensShard, passes ? packetsShard - UNIT : packetsShard);
  return reason;
}

/** Whether the session has a limit of its own. */
// @ts-ignore: decorator
@inline
function isOwn(flags: u32, out: bool): bool {
  return (flags & (out ? FLAG_OUT_LIMITED : FLAG_IN_LIMITED)) != 0;
}

// @ts-ignore: decorator
@inline
function admit(b: usize, flags: u32, out: bool, size: u32, ns: i64): u32 {
  const shared = isShared(out);
  if (!shared && !isOwn(flags, out)) return PASS;
  const bytes = <i64>size * UNIT;
  if (shared) return admitShared(b, flags, out, bytes, ns);
  const elapsed = elapse(b, ns);
  const tokens = bytesAfter(b, elapsed);
  const packets = packetsAfter(b, elapsed);
  const reason = shortOf(tokens, packets, bytes, SESSION_BYTES);
  const passes = reason == PASS;
  setTokens(b, passes ? tokens - bytes : tokens, passes ? packets - UNIT : packets);
  return reason;
}

/** Counts a refusal. In observe mode it passes all the same. */
function refused(r: usize, flags: u32, reason: u32): u32 {
  count(DROPS, reason);
  addEvents(r, EVENT_DROPPED, 1);
  return (flags & FLAG_OBSERVE) == 0 ? reason : PASS;
}

/**
 * A datagram. What comes from the client is a part of its features whatever the verdict: what was offered is how it
 * behaves. What is refused on the way to it is not sent, and is no part of them.
 */
// @ts-ignore: decorator
@inline
function datagram(handle: u32, out: bool, size: u32, time: f64): u32 {
  const r = find(handle);
  if (r == 0) {
    count(DROPS, CLOSED);
    return CLOSED;
  }
  const now = cleanTime(time);
  const bytes = cleanBytes(size);
  const ns = nanoseconds(now);
  const flags = refreshed(r, ns);
  let verdict = admit(r + (out ? OUT_BUCKET : IN_BUCKET), flags, out, bytes, ns);
  if (verdict != PASS) verdict = refused(r, flags, verdict);
  if (out && verdict != PASS) return verdict;
  observe(r, flags, out, bytes, now);
  if (verdict == PASS) countPassed(r + (out ? OUT_STATS : IN_STATS), bytes);
  return verdict;
}

// @ts-ignore: decorator
@inline
export function datagramIn(handle: u32, size: u32, time: f64): u32 {
  return datagram(handle, false, size, time);
}

// @ts-ignore: decorator
@inline
export function datagramOut(handle: u32, size: u32, time: f64): u32 {
  return datagram(handle, true, size, time);
}

/** A datagram that passed to the client and could not be sent: tokens and totals go back. */
export function unsent(handle: u32, size: u32): void {
  const r = find(handle);
  if (r == 0) return;
  const bytes = cleanBytes(size);
  giveBack(r, true, bytes, 1);
  const stats = r + OUT_STATS;
  store<f64>(stats, max(load<f64>(stats, STAT_TOTAL_BYTES) - <f64>bytes, 0), STAT_TOTAL_BYTES);
  store<f64>(stats, max(load<f64>(stats, STAT_TOTAL_PACKETS) - 1, 0), STAT_TOTAL_PACKETS);
}

function giveBack(r: usize, out: bool, bytes: u32, packets: u32): void {
  const units = <i64>bytes * UNIT;
  const many = <i64>packets * UNIT;
  refund(r + (out ? OUT_BUCKET : IN_BUCKET), units, many);
  if (!isShared(out)) return;
  const index = load<u32>(r, FLAGS) >> FLAG_FUNCTION_SHIFT;
  if (index != 0) refund(sharedBucket(index, out), units, many);
  refund(sharedBucket(0, out), units, many);
}

/** Bytes of `want` that a bucket has tokens for, 0 without a token for a packet. */
// @ts-ignore: decorator
@inline
function allowance(b: usize, want: u32, bytesReserve: i64, packetsReserve: i64): u32 {
  if (load<i64>(b, BUCKET_PACKETS) + packetsReserve < UNIT) return 0;
  const tokens = load<i64>(b, BUCKET_BYTES) + bytesReserve;
  if (tokens >= <i64>want * UNIT) return want;
  return tokens < UNIT ? 0 : <u32>(tokens / UNIT);
}

// @ts-ignore: decorator
@inline
function reasonFor(b: usize, packetsReserve: i64, first: u32): u32 {
  return load<i64>(b, BUCKET_PACKETS) + packetsReserve < UNIT ? first + 1 : first;
}

function noteWait(r: usize, reason: u32): void {
  count(WAITS, reason);
  addEvents(r, EVENT_WAITED, 1);
}

/**
 * Takes tokens for up to `want` bytes of a stream before they are read (or written, `out`). Returns how many; 0 where the
 * stream has to wait, as there are none, or fewer than `least` of more that are wanted. Control messages may use the reserve.
 * What was not moved after all goes back by `settle`.
 */
export function grant(handle: u32, out: bool, want: u32, control: bool, time: f64, least: u32): u32 {
  const r = find(handle);
  if (r == 0) {
    count(WAITS, CLOSED);
    return 0;
  }
  const ns = nanoseconds(cleanTime(time));
  const flags = refreshed(r, ns);
  // A number that stays positive in JavaScript.
  let granted = min(cleanBytes(want), i32.MAX_VALUE);
  const shared = isShared(out);
  if (granted == 0 || (!shared && !isOwn(flags, out))) return granted;
  const b = r + (out ? OUT_BUCKET : IN_BUCKET);
  const bytesReserve: i64 = control ? CONTROL_RESERVE_BYTES * UNIT : 0;
  const packetsReserve: i64 = control ? CONTROL_RESERVE_PACKETS * UNIT : 0;
  refill(b, ns);
  let reason = PASS;
  const enough = max(min(granted, least), 1);
  let allowed = allowance(b, granted, bytesReserve, packetsReserve);
  if (allowed < enough) reason = reasonFor(b, packetsReserve, SESSION_BYTES);
  const index = flags >> FLAG_FUNCTION_SHIFT;
  const own = sharedBucket(index, out);
  const shard = sharedBucket(0, out);
  if (shared) {
    if (index != 0) {
      refill(own, ns);
      allowed = min(allowed, allowance(own, granted, bytesReserve, packetsReserve));
      if (allowed < enough && reason == PASS) reason = reasonFor(own, packetsReserve, FUNCTION_BYTES);
    }
    refill(shard, ns);
    allowed = min(allowed, allowance(shard, granted, bytesReserve, packetsReserve));
    if (allowed < enough && reason == PASS) reason = reasonFor(shard, packetsReserve, SHARD_BYTES);
  }
  if (reason != PASS) {
    noteWait(r, reason);
    return (flags & FLAG_OBSERVE) == 0 ? 0 : granted;
  }
  // What observe mode lets through takes no more tokens than there are.
  if ((flags & FLAG_OBSERVE) == 0) granted = allowed;
  spend(b, <i64>allowed * UNIT, UNIT);
  if (shared) {
    if (index != 0) spend(own, <i64>allowed * UNIT, UNIT);
    spend(shard, <i64>allowed * UNIT, UNIT);
  }
  return granted;
}

/** Ends what `grant` began: `moved` of the `granted` bytes were read or written. */
export function settle(handle: u32, out: bool, granted: u32, moved: u32, time: f64): void {
  const r = find(handle);
  if (r == 0) return;
  const used = min(moved, granted);
  const flags = load<u32>(r, FLAGS);
  const observes = (flags & FLAG_OBSERVE) != 0;
  if (used < granted && !observes) giveBack(r, out, granted - used, used == 0 ? 1 : 0);
  if (used == 0) return;
  const now = cleanTime(time);
  if (out) observe(r, flags, true, used, now);
  else observe(r, flags, false, used, now);
  countPassed(r + (out ? OUT_STATS : IN_STATS), used);
}

/** ns until `want` bytes (at most the bursts) and a packet would pass; Infinity where a rate is 0. */
export function waitFor(handle: u32, out: bool, want: u32, time: f64): f64 {
  const r = find(handle);
  if (r == 0) return 0;
  const ns = nanoseconds(cleanTime(time));
  const bytes = <i64>cleanBytes(want) * UNIT;
  const flags = refreshed(r, ns);
  const b = r + (out ? OUT_BUCKET : IN_BUCKET);
  refill(b, ns);
  const own = waitOf(b, bytes);
  return isShared(out) ? max(own, sharedWait(flags, out, bytes, ns)) : own;
}

function sharedWait(flags: u32, out: bool, bytes: i64, ns: i64): f64 {
  const shard = sharedBucket(0, out);
  refill(shard, ns);
  const index = flags >> FLAG_FUNCTION_SHIFT;
  if (index == 0) return waitOf(shard, bytes);
  const own = sharedBucket(index, out);
  refill(own, ns);
  return max(waitOf(shard, bytes), waitOf(own, bytes));
}

/** ns that the function's and the shard's buckets alone would have it wait. */
export function sharedWaitFor(handle: u32, out: bool, want: u32, time: f64): f64 {
  const r = find(handle);
  if (r == 0 || !isShared(out)) return 0;
  return sharedWait(load<u32>(r, FLAGS), out, <i64>cleanBytes(want) * UNIT, nanoseconds(cleanTime(time)));
}

/** Takes over limits that another thread published since the session's last packet. Returns their sequence count. */
export function refresh(handle: u32, time: f64): u32 {
  const r = find(handle);
  if (r == 0) return 0;
  refreshed(r, nanoseconds(cleanTime(time)));
  return load<u32>(r, APPLIED);
}

/** The token decision alone, for callers that keep no features: PASS or why not. */
export function take(handle: u32, out: bool, size: u32, time: f64): u32 {
  const r = find(handle);
  if (r == 0) return CLOSED;
  const ns = nanoseconds(cleanTime(time));
  const flags = refreshed(r, ns);
  return admit(r + (out ? OUT_BUCKET : IN_BUCKET), flags, out, cleanBytes(size), ns);
}

/** Packets whose records are touched before the first of them is worked on: so many cache misses are under way at once. */
const AHEAD: u32 = 32;
/** Slots whose records a core's own cache holds: there is nothing to wait for. */
const IN_CACHE: u32 = 1024;
let touched: u32 = 0;

/** Loads the lines that a packet of this session will need. */
// @ts-ignore: decorator
@inline
function touch(handle: u32, size: u32): u32 {
  const slot = handle & (MAX_SLOTS - 1);
  if (!isInRange(slot)) return 0;
  const r = record(slot);
  const out = (size & OUT_BIT) != 0;
  const stats = r + (out ? OUT_STATS : IN_STATS);
  // Turns and covariance: for what goes out, and for the client's first packet after that. No branch: a wrong guess
  // would be noticed only when the first line has come.
  const turns: u32 = out || (load<u32>(r, FLAGS) & FLAG_LAST_OUT) != 0 ? TURNS : 0;
  return (
    load<u32>(r, IN_STATS) + load<u32>(stats) + load<u32>(stats, 64) + load<u32>(stats, 128) + load<u32>(r + turns)
  );
}

/**
 * `n` packets of the scratch list (BATCH_STRIDE bytes each) in order. Each one's verdict replaces its size.
 */
export function packets(n: u32): void {
  const end = SCRATCH + min(n, SCRATCH_SIZE / BATCH_STRIDE) * BATCH_STRIDE;
  const isLarge = isInRange(IN_CACHE);
  let sum: u32 = 0;
  for (let group: u32 = SCRATCH; group < end; group += AHEAD * BATCH_STRIDE) {
    const groupEnd = min(group + AHEAD * BATCH_STRIDE, end);
    if (isLarge) {
      for (let at = group; at < groupEnd; at += BATCH_STRIDE) sum += touch(load<u32>(at), load<u32>(at, 4));
    }
    for (let at = group; at < groupEnd; at += BATCH_STRIDE) {
      const size = load<u32>(at, 4);
      const verdict =
        (size & OUT_BIT) != 0
          ? datagramOut(load<u32>(at), size & ~OUT_BIT, load<f64>(at, 8))
          : datagramIn(load<u32>(at), size, load<f64>(at, 8));
      store<u32>(at, verdict, 4);
    }
  }
  // Kept, or the loads would be found useless and dropped.
  touched = sum;
}

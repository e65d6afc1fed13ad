// The gate: per-packet accounting and token buckets over a table of session records in linear memory.
// Times are milliseconds (f64, monotonic), sizes bytes, rates bytes/s. Bad arguments are clamped, never trapped on.

import {
  AVERAGE,
  AVERAGED,
  DROPPED,
  GENERATION,
  IN_BURST,
  IN_BYTES,
  IN_PACKETS,
  IN_RATE,
  IN_REFILLED,
  IN_TOKENS,
  OPENED,
  OUT_BYTES,
  OUT_PACKETS,
  STRIDE,
  WAITED,
} from './layout';

export * from './layout';

/** Time constant of the average rate, ms: e-fold of what is forgotten. */
const AVERAGE_TAU: f64 = 10000;
/** The table starts behind AssemblyScript's static data. */
const TABLE: u32 = 65536;
const PAGE: u32 = 65536;

let capacity: u32 = 0;

/** Makes room for `slots` records. Returns the slots there are room for, which is less where memory has no more. */
export function reserve(slots: u32): u32 {
  if (slots <= capacity) return capacity;
  const wanted = <u64>TABLE + <u64>slots * <u64>STRIDE;
  const have = <u64>memory.size() * <u64>PAGE;
  if (wanted > have) {
    const pages = <i32>((wanted - have + PAGE - 1) / PAGE);
    if (memory.grow(pages) < 0) return capacity;
  }
  capacity = slots;
  return capacity;
}

/** Address of the first record. */
export function tableAddress(): u32 {
  return TABLE;
}

// @ts-ignore: decorator
@inline
function record(slot: u32): u32 {
  return TABLE + slot * STRIDE;
}

// @ts-ignore: decorator
@inline
function isOpen(slot: u32): bool {
  return slot < capacity && (load<u32>(record(slot), GENERATION) & 1) != 0;
}

// @ts-ignore: decorator
@inline
function positive(value: f64): f64 {
  // NaN compares false: it becomes 0 as a negative does.
  return value > 0 ? value : 0;
}

/** Opens a slot with a full bucket. Returns its generation, or 0 where the slot is taken or out of range. */
export function open(slot: u32, now: f64, rate: f64, burst: f64): u32 {
  if (slot >= capacity) return 0;
  const r = record(slot);
  const generation = load<u32>(r, GENERATION);
  if ((generation & 1) != 0) return 0;
  memory.fill(r, 0, STRIDE);
  store<f64>(r, positive(burst), IN_TOKENS);
  store<f64>(r, positive(burst), IN_BURST);
  store<f64>(r, positive(rate), IN_RATE);
  store<f64>(r, now, IN_REFILLED);
  store<f64>(r, now, AVERAGED);
  store<f64>(r, now, OPENED);
  store<u32>(r, generation + 1, GENERATION);
  return generation + 1;
}

/** Closes a slot; its record stays readable until it is opened again. */
export function close(slot: u32): void {
  if (isOpen(slot)) store<u32>(record(slot), load<u32>(record(slot), GENERATION) + 1, GENERATION);
}

// @ts-ignore: decorator
@inline
function refill(r: u32, now: f64): f64 {
  const elapsed = now - load<f64>(r, IN_REFILLED);
  let tokens = load<f64>(r, IN_TOKENS);
  // A clock that went back fills nothing.
  if (elapsed > 0) {
    tokens = min(tokens + (elapsed * load<f64>(r, IN_RATE)) / 1000, load<f64>(r, IN_BURST));
    store<f64>(r, now, IN_REFILLED);
  }
  return tokens;
}

// @ts-ignore: decorator
@inline
function average(r: u32, bytes: f64, now: f64): void {
  const elapsed = positive(now - load<f64>(r, AVERAGED));
  const decayed = load<f64>(r, AVERAGE) * Math.exp(-elapsed / AVERAGE_TAU);
  store<f64>(r, decayed + (bytes * 1000) / AVERAGE_TAU, AVERAGE);
  store<f64>(r, now, AVERAGED);
}

// @ts-ignore: decorator
@inline
function countIn(r: u32, bytes: f64, now: f64): void {
  store<f64>(r, load<f64>(r, IN_BYTES) + bytes, IN_BYTES);
  store<f64>(r, load<f64>(r, IN_PACKETS) + 1, IN_PACKETS);
  average(r, bytes, now);
}

/** A datagram from the client. Returns 1 where it may pass, 0 where it is over the limit and dropped. */
export function datagramIn(slot: u32, bytes: u32, now: f64): u32 {
  if (!isOpen(slot)) return 0;
  const r = record(slot);
  const tokens = refill(r, now);
  if (tokens < <f64>bytes) {
    store<f64>(r, tokens, IN_TOKENS);
    store<u32>(r, load<u32>(r, DROPPED) + 1, DROPPED);
    return 0;
  }
  store<f64>(r, tokens - <f64>bytes, IN_TOKENS);
  countIn(r, <f64>bytes, now);
  return 1;
}

/**
 * Takes tokens for a stream read of up to `want` bytes. Returns how many may be read, 0 where the stream has to wait.
 * What was not read after all goes back by settle.
 */
export function grant(slot: u32, want: u32, now: f64): u32 {
  if (!isOpen(slot)) return 0;
  const r = record(slot);
  const tokens = refill(r, now);
  const granted = min(Math.floor(tokens), <f64>want);
  if (granted < 1) {
    store<f64>(r, tokens, IN_TOKENS);
    store<u32>(r, load<u32>(r, WAITED) + 1, WAITED);
    return 0;
  }
  store<f64>(r, tokens - granted, IN_TOKENS);
  return <u32>granted;
}

/** Ends what grant began: `read` of `granted` bytes came from the stream. */
export function settle(slot: u32, granted: u32, read: u32, now: f64): void {
  if (!isOpen(slot)) return;
  const r = record(slot);
  const unused = <f64>(granted - min(read, granted));
  store<f64>(r, min(load<f64>(r, IN_TOKENS) + unused, load<f64>(r, IN_BURST)), IN_TOKENS);
  if (read > 0) countIn(r, <f64>read, now);
}

/** Milliseconds until `bytes` tokens (at most the burst) will be there; Infinity where the rate is 0. */
export function waitTime(slot: u32, bytes: u32, now: f64): f64 {
  if (!isOpen(slot)) return 0;
  const r = record(slot);
  const tokens = refill(r, now);
  store<f64>(r, tokens, IN_TOKENS);
  const missing = min(<f64>bytes, load<f64>(r, IN_BURST)) - tokens;
  return missing <= 0 ? 0 : (missing * 1000) / load<f64>(r, IN_RATE);
}

/** Bytes to the client: counted, not limited. */
export function countOut(slot: u32, bytes: u32, now: f64): void {
  if (!isOpen(slot)) return;
  const r = record(slot);
  store<f64>(r, load<f64>(r, OUT_BYTES) + <f64>bytes, OUT_BYTES);
  store<f64>(r, load<f64>(r, OUT_PACKETS) + 1, OUT_PACKETS);
  average(r, <f64>bytes, now);
}

/** New limits at once; the tokens keep their share of the burst. */
export function setLimits(slot: u32, rate: f64, burst: f64, now: f64): void {
  if (!isOpen(slot)) return;
  const r = record(slot);
  const tokens = refill(r, now);
  const old = load<f64>(r, IN_BURST);
  store<f64>(r, old > 0 ? (tokens / old) * positive(burst) : positive(burst), IN_TOKENS);
  store<f64>(r, positive(burst), IN_BURST);
  store<f64>(r, positive(rate), IN_RATE);
}

/** Average bytes/s as of `now`. */
export function averageRate(slot: u32, now: f64): f64 {
  if (slot >= capacity) return 0;
  const r = record(slot);
  return load<f64>(r, AVERAGE) * Math.exp(-positive(now - load<f64>(r, AVERAGED)) / AVERAGE_TAU);
}

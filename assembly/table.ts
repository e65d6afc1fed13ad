// The session table: slots, handles, limits, events.

import { isLimited, relimit, unlimit } from './bucket';
import {
  APPLIED,
  CHUNK,
  CHUNK_SLOTS,
  CLAMPED,
  EVENT_COUNT,
  EVENTS,
  FLAG_FUNCTION_SHIFT,
  FLAG_IN_LIMITED,
  FLAG_LEVEL_MASK,
  FLAG_LEVEL_SHIFT,
  FLAG_OBSERVE,
  FLAG_OUT_LIMITED,
  FLAGS,
  GENERATION,
  IN_BUCKET,
  IN_LIMITS,
  IN_STATS,
  LIMIT_BURST,
  LIMIT_PACKET_BURST,
  LIMIT_PACKET_RATE,
  LIMIT_RATE,
  LIMITS_GENERATION,
  LIMITS_LEVEL,
  MAILBOX,
  MAILBOX_END,
  MAX_FUNCTIONS,
  MAX_SLOTS,
  MAX_TIME,
  OPENED,
  OUT_BUCKET,
  OUT_LIMITS,
  OUT_STATS,
  PUBLISHED,
  SHARED_BUCKETS,
  SHARED_STRIDE,
  SLOT_BITS,
  STAT_LAST,
  STRIDE,
  TABLE,
  WIRE_RATIO,
} from './layout';

const PAGE: u64 = 65536;
const GENERATION_MASK: u32 = 0xfff;

let capacity: u32 = 0;
/** Whether any function or the shard itself has a limit, by direction; where none has, their buckets are left alone. */
let sharedIn: bool = false;
let sharedOut: bool = false;

/**
 * Makes room for `slots` records, in whole chunks. Returns the slots there are room for, which is less where memory has
 * no more.
 */
export function reserve(slots: u32): u32 {
  const wantedSlots = min(slots, MAX_SLOTS);
  if (wantedSlots <= capacity) return capacity;
  if (capacity == 0) {
    for (let i: u32 = 0; i <= MAX_FUNCTIONS; i++) {
      unlimit(sharedBucket(i, false), 0);
      unlimit(sharedBucket(i, true), 0);
    }
  }
  const chunks = (wantedSlots + CHUNK_SLOTS - 1) / CHUNK_SLOTS;
  const wanted = <u64>TABLE + <u64>chunks * <u64>CHUNK;
  const have = <u64>memory.size() * PAGE;
  if (wanted > have && memory.grow(<i32>((wanted - have + PAGE - 1) / PAGE)) < 0) return capacity;
  capacity = chunks * CHUNK_SLOTS;
  return capacity;
}

/** Address of a slot's record. */
// @ts-ignore: decorator
@inline
export function record(slot: u32): usize {
  return TABLE + (slot / CHUNK_SLOTS) * CHUNK + (slot % CHUNK_SLOTS) * STRIDE;
}

/** Address of the record that a handle names, or 0 where that session is closed. */
// @ts-ignore: decorator
@inline
export function find(handle: u32): usize {
  const slot = handle & (MAX_SLOTS - 1);
  if (slot >= capacity) return 0;
  const r = record(slot);
  const generation = load<u32>(r, GENERATION);
  return (generation & 1) != 0 && (generation & GENERATION_MASK) == handle >> SLOT_BITS ? r : 0;
}

// @ts-ignore: decorator
@inline
export function isInRange(slot: u32): bool {
  return slot < capacity;
}

// @ts-ignore: decorator
@inline
export function noteClamp(): void {
  store<f64>(CLAMPED, load<f64>(CLAMPED) + 1);
}

/** A time within range; NaN and what is before 0 count as 0. */
// @ts-ignore: decorator
@inline
export function cleanTime(now: f64): f64 {
  if (now >= 0 && now <= MAX_TIME) return now;
  noteClamp();
  return now > MAX_TIME ? MAX_TIME : 0;
}

// @ts-ignore: decorator
@inline
export function nanoseconds(now: f64): i64 {
  return <i64>(now * 1e6);
}

// @ts-ignore: decorator
@inline
export function sharedBucket(index: u32, out: bool): usize {
  return SHARED_BUCKETS + index * SHARED_STRIDE + (out ? SHARED_STRIDE / 2 : 0);
}

// @ts-ignore: decorator
@inline
export function isShared(out: bool): bool {
  return out ? sharedOut : sharedIn;
}

/**
 * Opens a slot without limits, for a function's bucket (1 and up). Returns its handle, or 0 where the slot is taken or
 * out of range.
 */
export function open(slot: u32, functionIndex: u32, observe: bool, time: f64): u32 {
  if (slot >= capacity) return 0;
  const r = record(slot);
  const generation = load<u32>(r, GENERATION);
  if ((generation & 1) != 0) return 0;
  const now = cleanTime(time);
  const ns = nanoseconds(now);
  memory.fill(r + FLAGS, 0, MAILBOX - FLAGS);
  // The mailbox is left alone: what another thread may be writing there is for the generation before.
  memory.fill(r + MAILBOX_END, 0, STRIDE - MAILBOX_END);
  store<u32>(r, atomic.load<u32>(r, PUBLISHED), APPLIED);
  const index = functionIndex <= MAX_FUNCTIONS ? functionIndex : 0;
  store<u32>(r, (index << FLAG_FUNCTION_SHIFT) | (observe ? FLAG_OBSERVE : 0), FLAGS);
  unlimit(r + IN_BUCKET, ns);
  unlimit(r + OUT_BUCKET, ns);
  store<f64>(r, now, IN_STATS + STAT_LAST);
  store<f64>(r, now, OUT_STATS + STAT_LAST);
  store<f32>(r, 1, WIRE_RATIO);
  store<f64>(r, now, OPENED);
  atomic.store<u32>(r, generation + 1, GENERATION);
  return ((generation + 1) << SLOT_BITS) | slot;
}

/** Closes a session; its record stays readable until the slot is opened again. */
export function close(handle: u32): void {
  const r = find(handle);
  if (r != 0) atomic.store<u32>(r, load<u32>(r, GENERATION) + 1, GENERATION);
}

/** From now on verdicts are only counted, or hold. */
export function setObserve(handle: u32, observe: bool): void {
  const r = find(handle);
  if (r == 0) return;
  const flags = load<u32>(r, FLAGS) & ~FLAG_OBSERVE;
  store<u32>(r, flags | (observe ? FLAG_OBSERVE : 0), FLAGS);
}

/** New limits at once. */
export function setLimits(
  handle: u32,
  out: bool,
  rate: f64,
  burst: f64,
  packetRate: f64,
  packetBurst: f64,
  now: f64,
): void {
  const r = find(handle);
  if (r == 0) return;
  relimit(r + (out ? OUT_BUCKET : IN_BUCKET), nanoseconds(cleanTime(now)), rate, burst, packetRate, packetBurst);
  noteLimited(r);
}

/** Where a direction has no limit its buckets are left alone. */
function noteLimited(r: usize): void {
  let flags = load<u32>(r, FLAGS) & ~(FLAG_IN_LIMITED | FLAG_OUT_LIMITED);
  if (isLimited(r + IN_BUCKET)) flags |= FLAG_IN_LIMITED;
  if (isLimited(r + OUT_BUCKET)) flags |= FLAG_OUT_LIMITED;
  store<u32>(r, flags, FLAGS);
}

/** New limits of the shard (index 0) or a function. The first ones of a bucket find it full. */
export function setSharedLimits(
  index: u32,
  out: bool,
  rate: f64,
  burst: f64,
  packetRate: f64,
  packetBurst: f64,
  now: f64,
): void {
  if (index > MAX_FUNCTIONS) {
    noteClamp();
    return;
  }
  relimit(sharedBucket(index, out), nanoseconds(cleanTime(now)), rate, burst, packetRate, packetBurst);
  let limited = false;
  for (let i: u32 = 0; i <= MAX_FUNCTIONS && !limited; i++) limited = isLimited(sharedBucket(i, out));
  if (out) sharedOut = limited;
  else sharedIn = limited;
}

/** Where the mailbox is held while it is checked for tearing. */
const COPY = memory.data(MAILBOX_END - MAILBOX, 8);

/** Takes over what another thread published, if that is whole and for this session. */
export function applyPublished(r: usize, ns: i64): void {
  const sequence = atomic.load<u32>(r, PUBLISHED);
  // Being written: the limits in force stay, the next packet looks again.
  if ((sequence & 1) != 0) return;
  for (let i: u32 = MAILBOX; i < MAILBOX_END; i += 4) store<u32>(COPY + i - MAILBOX, atomic.load<u32>(r + i));
  if (atomic.load<u32>(r, PUBLISHED) != sequence) return;
  store<u32>(r, sequence, APPLIED);
  const copy = COPY - MAILBOX;
  if (load<u32>(copy + LIMITS_GENERATION) != (load<u32>(r, GENERATION) & GENERATION_MASK)) return;
  relimitCopy(copy + IN_LIMITS, r + IN_BUCKET, ns);
  relimitCopy(copy + OUT_LIMITS, r + OUT_BUCKET, ns);
  noteLimited(r);
  const level = (load<u32>(copy + LIMITS_LEVEL) & FLAG_LEVEL_MASK) << FLAG_LEVEL_SHIFT;
  store<u32>(r, (load<u32>(r, FLAGS) & ~(FLAG_LEVEL_MASK << FLAG_LEVEL_SHIFT)) | level, FLAGS);
}

function relimitCopy(limits: usize, bucket: usize, ns: i64): void {
  relimit(
    bucket,
    ns,
    load<f64>(limits, LIMIT_RATE),
    <f64>load<u32>(limits, LIMIT_BURST),
    <f64>load<u32>(limits, LIMIT_PACKET_RATE),
    <f64>load<u32>(limits, LIMIT_PACKET_BURST),
  );
}

/** Counts `n` events of a session. */
export function note(handle: u32, event: u32, n: u32): void {
  const r = find(handle);
  if (r == 0 || event >= EVENT_COUNT) return;
  addEvents(r, event, n);
}

/** Counts stop at the largest number and don't start over. */
// @ts-ignore: decorator
@inline
export function addEvents(r: usize, event: u32, n: u32): void {
  const at = r + EVENTS + event * 4;
  const old = load<u32>(at);
  store<u32>(at, old + n < old ? u32.MAX_VALUE : old + n);
}

/** UDP bytes of the session's connection for a byte of use. */
export function setWireRatio(handle: u32, ratio: f32): void {
  const r = find(handle);
  if (r != 0 && ratio >= 0 && ratio < Infinity) store<f32>(r, ratio, WIRE_RATIO);
}

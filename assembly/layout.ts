// The memory of a shard's core. Offsets are exported by the module, so that TypeScript repeats no number.
//
//   [static data][shared buckets][counters][scratch][chunk 0][chunk 1]...
//
// A chunk holds CHUNK_SLOTS session records, and the same number of rows of both feature buffers: the table grows by
// whole chunks at the end of memory and nothing ever moves.

/** Half-lives of the damped statistics, milliseconds; one SIMD lane each. */
export const HALF_LIFE_0: f64 = 100;
export const HALF_LIFE_1: f64 = 1000;
export const HALF_LIFE_2: f64 = 10000;
export const HALF_LIFE_3: f64 = 60000;
export const HALF_LIVES: u32 = 4;

// --- Session record. A packet from the client touches the first four cache lines, one to it the first two (flags, the
// client's mean size) and the next four: with 100,000 sessions it is lines that cost, not arithmetic. What is rare comes
// last.

/** u32, atomic: odd while open; counts opens and closes, so that a late write can't reach the next owner. */
export const GENERATION: u32 = 0;
/** i32, atomic: sequence count of the limits that another thread wrote into the mailbox; odd while it writes. */
export const PUBLISHED: u32 = 4;
/** i32: the sequence count that the gate last looked at. */
export const APPLIED: u32 = 8;
/** u32: see FLAG_*. */
export const FLAGS: u32 = 12;
/** Bit: verdicts are counted and nothing is held back. */
export const FLAG_OBSERVE: u32 = 1;
/** Bit: there was a packet. */
export const FLAG_ANY: u32 = 2;
/** Bit: the last packet was to the client. */
export const FLAG_LAST_OUT: u32 = 4;
/** Bits: there is a limit of the session's own on what comes from the client, and on what goes to it. */
export const FLAG_IN_LIMITED: u32 = 8;
export const FLAG_OUT_LIMITED: u32 = 64;
/** Bits 4 and 5: security level. */
export const FLAG_LEVEL_SHIFT: u32 = 4;
export const FLAG_LEVEL_MASK: u32 = 3;
/** Bits 8 to 12: opening packets noted so far. */
export const FLAG_OPENING_SHIFT: u32 = 8;
export const FLAG_OPENING_MASK: u32 = 31;
/** Bits 16 to 31: the function's bucket. */
export const FLAG_FUNCTION_SHIFT: u32 = 16;

/** Token buckets of either direction: see BUCKET_*. */
export const IN_BUCKET: u32 = 16;
export const OUT_BUCKET: u32 = 512;

/** i64: tokens in billionths of a byte, and of a packet; below 0 where control messages used the reserve. */
export const BUCKET_BYTES: u32 = 0;
export const BUCKET_PACKETS: u32 = 8;
/** i64: time of the last refill, ns. */
export const BUCKET_REFILLED: u32 = 16;
/** i64: bytes/s. */
export const BUCKET_RATE: u32 = 24;
/** u32: bytes, packets/s, packets. */
export const BUCKET_BURST: u32 = 32;
export const BUCKET_PACKET_RATE: u32 = 36;
export const BUCKET_PACKET_BURST: u32 = 40;

/** u32: bytes of the present run of packets of one direction; stops at the largest number. */
export const RUN_BYTES: u32 = 60;

/** Damped statistics of either direction: see STAT_*. */
export const IN_STATS: u32 = 64;
export const OUT_STATS: u32 = 256;

/** f64 x 4 half-lives: mean size, bytes. */
export const STAT_SIZE: u32 = 0;
/** f64: time of the direction's last packet, ms; of the opening before there was one. */
export const STAT_LAST: u32 = 32;
/** f64: bytes and packets that passed. */
export const STAT_TOTAL_BYTES: u32 = 40;
export const STAT_TOTAL_PACKETS: u32 = 48;
/** f64 x 4 half-lives: weight (damped count) as of STAT_LAST; variance of size; mean and variance of gap (ms). */
export const STAT_WEIGHT: u32 = 64;
export const STAT_SIZE_VARIANCE: u32 = 96;
export const STAT_GAP: u32 = 128;
export const STAT_GAP_VARIANCE: u32 = 160;

/** u32: size of the client's last packet. */
export const LAST_SIZE: u32 = 120;
/** f32: UDP bytes of the session's connection for a byte of use. */
export const WIRE_RATIO: u32 = 312;
/** f64 x 4 half-lives: covariance of a host packet's size and that of the client's packet before it. */
export const COVARIANCE: u32 = 448;
/** u32: turns begun (the host answered). f32: means of request and reply, bytes, and of the delay between, ms. */
export const TURNS: u32 = 480;
export const TURN_REQUEST: u32 = 484;
export const TURN_REPLY: u32 = 488;
export const TURN_DELAY: u32 = 492;
/** f64: ms, when the session opened. */
export const OPENED: u32 = 496;

/** The mailbox, written by another thread under PUBLISHED: its bounds, and the low bits of the generation it is for. */
export const MAILBOX: u32 = 556;
export const MAILBOX_END: u32 = 608;
export const LIMITS_GENERATION: u32 = 556;
export const IN_LIMITS: u32 = 560;
export const OUT_LIMITS: u32 = 584;
/** f64 bytes/s; u32 bytes, packets/s, packets. */
export const LIMIT_RATE: u32 = 0;
export const LIMIT_BURST: u32 = 8;
export const LIMIT_PACKET_RATE: u32 = 12;
export const LIMIT_PACKET_BURST: u32 = 16;
/** u32: the security level, and the bytes that the session may hold unread. */
export const LIMITS_LEVEL: u32 = 580;
export const LIMITS_BUFFER: u32 = 604;

/** u32 x EVENT_COUNT. */
export const EVENTS: u32 = 608;
export const EVENT_COUNT: u32 = 8;
/** f32 x OPENING_PACKETS: signed log1p of the size (negative: to the client); then log1p of the gap in ms. */
export const OPENING_SIZES: u32 = 640;
export const OPENING_GAPS: u32 = 704;
export const OPENING_PACKETS: u32 = 16;
/** Bytes from one record to the next. */
export const STRIDE: u32 = 768;

/** Places in EVENTS. */
export const EVENT_STREAMS_OPENED: u32 = 0;
export const EVENT_RESETS: u32 = 1;
export const EVENT_REFUSED_OPENS: u32 = 2;
export const EVENT_MALFORMED: u32 = 3;
export const EVENT_OVERSIZED: u32 = 4;
export const EVENT_DROPPED: u32 = 5;
export const EVENT_WAITED: u32 = 6;
export const EVENT_AUTH_FAILURES: u32 = 7;

// --- Verdicts. 0 passes; the others say which bucket refused.

export const PASS: u32 = 0;
export const SESSION_BYTES: u32 = 1;
export const SESSION_PACKETS: u32 = 2;
export const FUNCTION_BYTES: u32 = 3;
export const FUNCTION_PACKETS: u32 = 4;
export const SHARD_BYTES: u32 = 5;
export const SHARD_PACKETS: u32 = 6;
/** The handle is of a session that is closed, or never was. */
export const CLOSED: u32 = 7;
export const REASONS: u32 = 8;

// --- Bounds.

/** Handles: the slot below, and the low bits of its generation above. */
export const SLOT_BITS: u32 = 20;
export const MAX_SLOTS: u32 = 1 << 20;
export const MAX_FUNCTIONS: u32 = 1023;
/** bytes/s (137 Gbit/s): times 2^29 ns it stays below 2^63. At this rate, and MAX_BURST elsewhere, a bucket is no limit. */
export const MAX_RATE: f64 = 17179869183;
export const MAX_BURST: f64 = 4294967295;
export const MAX_PACKET_BYTES: u32 = 0x80000000;
/** ms: 285 years, so that nanoseconds fit in 63 bits. */
export const MAX_TIME: f64 = 9e12;
/** What control messages may take when the bucket is empty. */
export const CONTROL_RESERVE_BYTES: i64 = 4096;
export const CONTROL_RESERVE_PACKETS: i64 = 16;

// --- Addresses.

/** The shard's pair of buckets (in, out), then one pair a function. */
export const SHARED_BUCKETS: u32 = 16384;
export const SHARED_STRIDE: u32 = 96;
/** f64 x REASONS: datagrams dropped; reads and writes that had to wait; then calls with an argument out of range. */
export const DROPS: u32 = 114688;
export const WAITS: u32 = 114752;
export const CLAMPED: u32 = 114816;
/** i32, atomic: the tick whose features are being written, and the last that is complete. See FeatureMatrix. */
export const MATRIX_BEGUN: u32 = 114880;
export const MATRIX_COMPLETE: u32 = 114884;
/** For each of both buffers: i32 rows, and at +8 f64 time. */
export const MATRIX_BUFFERS: u32 = 114896;
export const MATRIX_BUFFER_STRIDE: u32 = 16;
/** Lists that TypeScript hands over: slots to extract, packets of a batch. */
export const SCRATCH: u32 = 131072;
export const SCRATCH_SIZE: u32 = 131072;
/** A packet of a batch: u32 handle, u32 bytes with OUT_BIT for what is sent (the verdict comes back here), f64 ms. */
export const BATCH_STRIDE: u32 = 16;
export const OUT_BIT: u32 = 0x80000000;

export const TABLE: u32 = 262144;
export const CHUNK_SLOTS: u32 = 1024;
/** f32 in a row of features. */
export const FEATURES: u32 = 128;
export const ROW: u32 = 512;
/** Beside each row: i32 its session's handle; f64 bytes that passed in and out until then. */
export const ROW_HEAD: u32 = 24;
export const HEAD_BYTES_IN: u32 = 8;
export const HEAD_BYTES_OUT: u32 = 16;
/** In a chunk behind its records: for either buffer CHUNK_SLOTS rows, then as many heads. */
export const CHUNK_ROWS: u32 = 786432;
export const CHUNK_BUFFER: u32 = 548864;
export const CHUNK_HEADS: u32 = 524288;
export const CHUNK: u32 = 1884160;

/**
 * Names of the features in their order; `@` stands for one a half-life, `#` for one an opening packet. Formulas: see
 * extract.ts.
 */
export const FEATURE_NAMES: string =
  'in.count@ in.bytes@ in.size@ in.sizeDeviation@ in.gap@ in.gapDeviation@ in.burstiness@ in.phase@ in.due@ ' +
  'out.count@ out.bytes@ out.size@ out.sizeDeviation@ out.gap@ out.gapDeviation@ out.burstiness@ out.phase@ ' +
  'out.due@ ' +
  'ratio@ correlation@ turn.count turn.request turn.reply turn.delay idle.in idle.out age wireRatio ' +
  'event.streamsOpened event.resets event.refusedOpens event.malformed event.oversized event.dropped event.waited ' +
  'event.authFailures opening.size# opening.gap#';

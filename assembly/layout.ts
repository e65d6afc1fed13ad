// The record of a session. Offsets are exported by the module, so TypeScript repeats no number.
// The first cache line holds what every packet touches.

/** u32: odd while open; counts opens and closes, so that a late write can't reach the next owner. */
export const GENERATION: u32 = 0;
/** u32: counts of verdicts. */
export const DROPPED: u32 = 4;
/** Token bucket of what the client sends: f64 tokens (bytes), time of the last refill (ms), rate (bytes/s), burst (bytes). */
export const IN_TOKENS: u32 = 8;
export const IN_REFILLED: u32 = 16;
export const IN_RATE: u32 = 24;
export const IN_BURST: u32 = 32;
/** f64: bytes and packets from the client. */
export const IN_BYTES: u32 = 40;
export const IN_PACKETS: u32 = 48;
/** f64: bytes/s from and to the client, exponentially weighted, as of AVERAGED. */
export const AVERAGE: u32 = 56;
export const AVERAGED: u32 = 64;
/** f64: bytes and packets to the client. */
export const OUT_BYTES: u32 = 72;
export const OUT_PACKETS: u32 = 80;
/** f64: ms, when the session opened. */
export const OPENED: u32 = 88;
/** u32: times that a stream had to wait for tokens. */
export const WAITED: u32 = 96;
/** Bytes from one record to the next: two cache lines. */
export const STRIDE: u32 = 128;

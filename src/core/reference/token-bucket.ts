const UNIT = 1_000_000_000n;

export interface WholeLimits {
  rate: bigint;
  burst: bigint;
  packetRate: bigint;
  packetBurst: bigint;
}

/**
 * The token bucket in exact whole numbers of any size: tokens in billionths, time in ns. What `assembly/bucket.ts` does
 * in 64 bits; tests hold the core to it.
 */
export class ReferenceBucket {
  bytes: bigint;
  packets: bigint;

  constructor(
    public limits: WholeLimits,
    public refilled: bigint,
  ) {
    this.bytes = limits.burst * UNIT;
    this.packets = limits.packetBurst * UNIT;
  }

  refill(now: bigint): void {
    if (now <= this.refilled) return;
    const elapsed = now - this.refilled;
    this.refilled = now;
    this.bytes = least(this.bytes + elapsed * this.limits.rate, this.limits.burst * UNIT);
    this.packets = least(this.packets + elapsed * this.limits.packetRate, this.limits.packetBurst * UNIT);
  }

  /** Whether a packet of `size` bytes would pass, with what control messages may overdraw. */
  has(size: bigint): boolean {
    return this.bytes >= size * UNIT && this.packets >= UNIT;
  }

  take(size: bigint): void {
    this.bytes -= size * UNIT;
    this.packets -= UNIT;
  }

  /** Whole bytes that are there for `want`, 0 without a token for a packet. */
  available(want: bigint, reserve = 0n, packetReserve = 0n): bigint {
    if (this.packets + packetReserve * UNIT < UNIT) return 0n;
    const there = (this.bytes + reserve * UNIT) / UNIT;
    return there < 0n ? 0n : least(there, want);
  }

  giveBack(size: bigint, packets: bigint): void {
    this.bytes = least(this.bytes + size * UNIT, this.limits.burst * UNIT);
    this.packets = least(this.packets + packets * UNIT, this.limits.packetBurst * UNIT);
  }

  relimit(limits: WholeLimits): void {
    this.bytes = inProportion(this.bytes, this.limits.burst, limits.burst);
    this.packets = inProportion(this.packets, this.limits.packetBurst, limits.packetBurst);
    this.limits = limits;
  }

  /** ns until `size` bytes (at most the burst) and a packet are there; null where they never are. */
  waitFor(size: bigint): bigint | null {
    const { rate, burst, packetRate, packetBurst } = this.limits;
    if (packetBurst === 0n || (burst === 0n && size > 0n)) return null;
    const bytes = timeFor(least(size, burst) * UNIT - this.bytes, rate);
    const packets = timeFor(UNIT - this.packets, packetRate);
    if (bytes === null || packets === null) return null;
    return most(bytes, packets);
  }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return least(a, b) === a ? b : a;
}

function inProportion(tokens: bigint, from: bigint, to: bigint): bigint {
  if (tokens <= 0n) return tokens;
  return from === 0n ? to * UNIT : (tokens * to) / from;
}

function timeFor(missing: bigint, rate: bigint): bigint | null {
  if (missing <= 0n) return 0n;
  return rate === 0n ? null : (missing + rate - 1n) / rate;
}

/** 0 and 1 as the core takes truth. */
export type Flag = 0 | 1;

/**
 * What `assembly/index.ts` exports; the exported numbers are read by `readLayout`. Times in milliseconds, sizes in
 * bytes, rates in bytes/s. A handle names a session until it is closed; calls with another one do nothing. Nothing here
 * throws or traps on bad arguments: they are clamped and counted.
 */
export interface CoreExports {
  reserve(slots: number): number;
  open(slot: number, functionIndex: number, observe: Flag, now: number): number;
  close(handle: number): void;
  /** From now on verdicts are only counted, or hold. */
  setObserve(handle: number, observe: Flag): void;
  setLimits(
    handle: number,
    out: Flag,
    rate: number,
    burst: number,
    packetRate: number,
    packetBurst: number,
    now: number,
  ): void;
  setSharedLimits(
    index: number,
    out: Flag,
    rate: number,
    burst: number,
    packetRate: number,
    packetBurst: number,
    now: number,
  ): void;
  /** Takes over limits that another thread published; returns their sequence count. */
  refresh(handle: number, now: number): number;
  /** 0 where the datagram passes, else why not: see VERDICTS. */
  datagramIn(handle: number, bytes: number, now: number): number;
  datagramOut(handle: number, bytes: number, now: number): number;
  /** A datagram that passed could not be sent: what it took goes back. */
  unsent(handle: number, bytes: number): void;
  /**
   * Bytes of `want` that may be read (or written), 0 where the stream has to wait, as there are fewer than `least` (1 where it
   * is left out) of more that are wanted; `settle` has to follow.
   */
  grant(handle: number, out: Flag, want: number, control: Flag, now: number, least?: number): number;
  settle(handle: number, out: Flag, granted: number, moved: number, now: number): void;
  /** ns until `want` bytes would pass; Infinity where a rate is 0. */
  waitFor(handle: number, out: Flag, want: number, now: number): number;
  /** The same of the function's and the shard's buckets alone. */
  sharedWaitFor(handle: number, out: Flag, want: number, now: number): number;
  /** The token decision alone. */
  take(handle: number, out: Flag, bytes: number, now: number): number;
  /** The first `n` packets of the scratch list; verdicts replace the sizes. */
  packets(n: number): void;
  note(handle: number, event: number, n: number): void;
  setWireRatio(handle: number, ratio: number): void;
  /** Rows of features of the `n` slots that stand as u32 at `slots`, at `out`. */
  extract(slots: number, n: number, out: number, now: number): void;
}

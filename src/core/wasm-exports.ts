/** What `assembly/index.ts` exports. Times in milliseconds, sizes in bytes, rates in bytes/s. */
export interface CoreExports {
  reserve(slots: number): number;
  tableAddress(): number;
  open(slot: number, now: number, rate: number, burst: number): number;
  close(slot: number): void;
  datagramIn(slot: number, bytes: number, now: number): number;
  grant(slot: number, want: number, now: number): number;
  settle(slot: number, granted: number, read: number, now: number): void;
  waitTime(slot: number, bytes: number, now: number): number;
  countOut(slot: number, bytes: number, now: number): void;
  setLimits(slot: number, rate: number, burst: number, now: number): void;
  averageRate(slot: number, now: number): number;
  readonly STRIDE: WebAssembly.Global;
  readonly GENERATION: WebAssembly.Global;
  readonly DROPPED: WebAssembly.Global;
  readonly WAITED: WebAssembly.Global;
  readonly IN_TOKENS: WebAssembly.Global;
  readonly IN_RATE: WebAssembly.Global;
  readonly IN_BURST: WebAssembly.Global;
  readonly IN_BYTES: WebAssembly.Global;
  readonly IN_PACKETS: WebAssembly.Global;
  readonly OUT_BYTES: WebAssembly.Global;
  readonly OUT_PACKETS: WebAssembly.Global;
  readonly OPENED: WebAssembly.Global;
}

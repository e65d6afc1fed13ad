/** Uniform numbers from 0 to 1 (mulberry32), whose state can be kept: training can be repeated, and gone on with. */
export class Random {
  constructor(public state: number) {}

  readonly next = (): number => {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    const { state } = this;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

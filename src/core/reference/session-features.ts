/** Damped statistics of one direction and half-life, as the formulas say (West 1979; Kitsune, NDSS 2018). */
class Damped {
  weight = 0;
  size = 0;
  sizeVariance = 0;
  gap = 0;
  gapVariance = 0;

  constructor(readonly halfLife: number) {}

  add(size: number, gap: number): number {
    this.weight = this.weight * 2 ** (-gap / this.halfLife) + 1;
    const share = 1 / this.weight;
    this.sizeVariance = (1 - share) * (this.sizeVariance + share * (size - this.size) ** 2);
    this.size += share * (size - this.size);
    this.gapVariance = (1 - share) * (this.gapVariance + share * (gap - this.gap) ** 2);
    this.gap += share * (gap - this.gap);
    return share;
  }

  weightAfter(idle: number): number {
    return this.weight * 2 ** (-idle / this.halfLife);
  }
}

/** Largest phase, and seconds that due can be. */
const FAR = 4;

class DirectionFeatures {
  readonly lanes: Damped[];

  constructor(
    halfLives: readonly number[],
    public last: number,
  ) {
    this.lanes = halfLives.map((halfLife) => new Damped(halfLife));
  }

  row(now: number): number[] {
    const idle = Math.max(now - this.last, 0);
    const of = (value: (lane: Damped) => number) => this.lanes.map(value);
    return [
      ...of((lane) => Math.log1p(lane.weightAfter(idle))),
      ...of((lane) => Math.log1p(lane.weightAfter(idle) * lane.size)),
      ...of((lane) => Math.log1p(lane.size)),
      ...of((lane) => Math.log1p(Math.sqrt(lane.sizeVariance))),
      ...of((lane) => Math.log1p(lane.gap)),
      ...of((lane) => Math.log1p(Math.sqrt(lane.gapVariance))),
      ...of((lane) => {
        const deviation = Math.sqrt(lane.gapVariance);
        return deviation + lane.gap > 0 ? (deviation - lane.gap) / (deviation + lane.gap) : 0;
      }),
      ...of((lane) => (lane.gap > 0 ? Math.min(idle / lane.gap, FAR) : 0)),
      ...of((lane) => (lane.gap > 0 ? Math.max(-FAR, Math.min((lane.gap - idle) / 1000, FAR)) : 0)),
    ];
  }
}

const TURN_MEMORY = 8;
const MOST = 2 ** 32 - 1;

/**
 * The features of one session in plain TypeScript: what `assembly/observe.ts` and `assembly/extract.ts` compute, one
 * number at a time. Times in ms. Slow and obvious; tests hold the core to it.
 */
export class ReferenceFeatures {
  readonly in: DirectionFeatures;
  readonly out: DirectionFeatures;
  readonly covariance: number[];
  readonly events: number[];
  readonly opening: { size: number; gap: number }[] = [];
  wireRatio = 1;
  #lastSize = 0;
  #lastDirection: 'in' | 'out' | null = null;
  #run = 0;
  #turns = 0;
  #request = 0;
  #reply = 0;
  #delay = 0;

  constructor(
    readonly halfLives: readonly number[],
    readonly openingPackets: number,
    events: number,
    readonly opened: number,
  ) {
    this.in = new DirectionFeatures(halfLives, opened);
    this.out = new DirectionFeatures(halfLives, opened);
    this.covariance = halfLives.map(() => 0);
    this.events = new Array(events).fill(0);
  }

  packet(direction: 'in' | 'out', size: number, now: number): void {
    const own = this[direction];
    if (this.opening.length < this.openingPackets) {
      const gap = Math.max(now - Math.max(this.in.last, this.out.last), 0);
      this.opening.push({ size: direction === 'out' ? -size : size, gap });
    }
    const gap = Math.max(now - own.last, 0);
    own.last = Math.max(own.last, now);
    own.lanes.forEach((lane, i) => {
      const share = lane.add(size, gap);
      if (direction === 'in') return;
      const product = (size - lane.size) * (this.#lastSize - this.in.lanes[i].size);
      this.covariance[i] += share * (product - this.covariance[i]);
    });
    this.#turn(direction, size, now);
    if (direction === 'in') this.#lastSize = size;
  }

  #turn(direction: 'in' | 'out', size: number, now: number): void {
    const before = this.#lastDirection;
    this.#lastDirection = direction;
    if (direction === 'in' && before === 'out') {
      if (this.#turns > 0) this.#reply += (this.#run - this.#reply) / Math.min(this.#turns, TURN_MEMORY);
      this.#run = 0;
    } else if (direction === 'out' && before === 'in') {
      this.#turns++;
      const turns = Math.min(this.#turns, TURN_MEMORY);
      this.#request += (this.#run - this.#request) / turns;
      this.#delay += (Math.max(now - this.in.last, 0) - this.#delay) / turns;
      this.#run = 0;
    }
    this.#run = Math.min(this.#run + size, MOST);
  }

  /** The features as of `now`, in the order of the core's. */
  row(now: number): number[] {
    const bytes = (direction: DirectionFeatures, i: number) =>
      direction.lanes[i].weightAfter(Math.max(now - direction.last, 0)) * direction.lanes[i].size;
    const padded = Array.from({ length: this.openingPackets }, (_, i) => this.opening[i] ?? { size: 0, gap: 0 });
    return [
      ...this.in.row(now),
      ...this.out.row(now),
      ...this.halfLives.map((_, i) => (bytes(this.in, i) + 0.5) / (bytes(this.in, i) + bytes(this.out, i) + 1)),
      ...this.halfLives.map((_, i) => this.#correlation(i)),
      ...[this.#turns, this.#request, this.#reply, this.#delay].map(Math.log1p),
      Math.log1p(Math.max(now - this.in.last, 0)),
      Math.log1p(Math.max(now - this.out.last, 0)),
      Math.log1p(Math.max(now - this.opened, 0)),
      Math.log1p(this.wireRatio),
      ...this.events.map(Math.log1p),
      ...padded.map(({ size }) => Math.sign(size) * Math.log1p(Math.abs(size))),
      ...padded.map(({ gap }) => Math.log1p(gap)),
    ];
  }

  #correlation(i: number): number {
    const deviations = [this.in.lanes[i], this.out.lanes[i]].map(({ size, sizeVariance }) => {
      const deviation = Math.sqrt(sizeVariance);
      return deviation > 1e-6 * size ? deviation : 0;
    });
    const scale = deviations[0] * deviations[1];
    return scale > 0 ? Math.max(-1, Math.min(1, this.covariance[i] / scale)) : 0;
  }
}

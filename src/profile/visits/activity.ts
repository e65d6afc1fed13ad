/** Time constants of what is counted, s. */
const SPANS = [60, 300, 1800, 7200] as const;
/** Seconds for which a client counts as around. */
const LOOK_BACK = 600;
const RING = LOOK_BACK + 1;
const MINUTE = 60;
/** One who may be around. */
export interface Present {
  /** The whole second in which it spoke last, of those that {@link Activity} counts by; none: it was not here. */
  aroundAt: number;
}

/** How busy all clients together are: damped counts of messages and bytes, and who spoke in the last ten minutes. */
export class Activity {
  readonly messages = new Float64Array(SPANS.length);
  readonly bytes = new Float64Array(SPANS.length);
  /** Clients by the second in which they spoke last, of the last ten minutes. */
  readonly #bySecond = new Float64Array(RING);
  #around = 0;
  /** Messages by second of the last minute. */
  readonly #seconds = new Float64Array(MINUTE);
  #lastMinute = 0;
  #now = 0;
  #lastMessage = Number.NEGATIVE_INFINITY;

  /** Lets time pass, to `seconds`; a clock that goes back stands still. */
  advance(seconds: number): void {
    const elapsed = Math.max(0, seconds - this.#now);
    if (elapsed === 0) return;
    const [from, to] = [Math.floor(this.#now), Math.floor(seconds)];
    this.#now = seconds;
    for (let i = 0; i < SPANS.length; i++) {
      const keep = Math.exp(-elapsed / SPANS[i]);
      this.messages[i] *= keep;
      this.bytes[i] *= keep;
    }
    for (let second = Math.max(from + 1, to - MINUTE + 1); second <= to; second++) {
      this.#lastMinute -= this.#seconds[second % MINUTE];
      this.#seconds[second % MINUTE] = 0;
    }
    for (let second = Math.max(from + 1, to - RING + 1); second <= to; second++) {
      this.#around -= this.#bySecond[second % RING];
      this.#bySecond[second % RING] = 0;
    }
  }

  #isAround({ aroundAt }: Present): boolean {
    return aroundAt >= Math.floor(this.#now) - LOOK_BACK;
  }

  /** `messages` of a client, at the time that was advanced to. */
  add(client: Present, bytes: number, messages = 1): void {
    for (let i = 0; i < SPANS.length; i++) {
      this.messages[i] += messages;
      this.bytes[i] += bytes;
    }
    const second = Math.floor(this.#now);
    this.#seconds[second % MINUTE] += messages;
    this.#lastMinute += messages;
    this.#lastMessage = this.#now;
    if (client.aroundAt === second) return;
    if (this.#isAround(client)) {
      this.#bySecond[client.aroundAt % RING]--;
      this.#around--;
    }
    client.aroundAt = second;
    this.#bySecond[second % RING]++;
    this.#around++;
  }

  /** Other clients that spoke in the last ten minutes, messages of the last minute, and seconds since anybody spoke. */
  around(client: Present): { others: number; lastMinute: number; silence: number } {
    return {
      others: this.#around - (this.#isAround(client) ? 1 : 0),
      lastMinute: this.#lastMinute,
      silence: Math.min(this.#now - this.#lastMessage, LOOK_BACK),
    };
  }
}

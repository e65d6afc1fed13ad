/** Time constants of what is counted, s. */
const SPANS = [60, 300, 1800, 7200] as const;
/** Seconds for which a client counts as around. */
const LOOK_BACK = 600;
const MINUTE = 60;

/** How busy all clients together are: damped counts of messages and bytes, and who spoke in the last ten minutes. */
export class Activity {
  readonly messages = new Float64Array(SPANS.length);
  readonly bytes = new Float64Array(SPANS.length);
  /** When each client spoke last, in order of that. */
  readonly #around = new Map<string, number>();
  /** Messages by second of the last minute. */
  readonly #seconds = new Float64Array(MINUTE);
  #lastMinute = 0;
  #now = 0;
  #lastMessage = Number.NEGATIVE_INFINITY;

  /** Lets time pass, to `seconds`; a clock that goes back stands still. */
  advance(seconds: number): void {
    const elapsed = Math.max(0, seconds - this.#now);
    if (elapsed === 0) return;
    this.#forgetSeconds(this.#now, seconds);
    this.#now = seconds;
    for (let i = 0; i < SPANS.length; i++) {
      const keep = Math.exp(-elapsed / SPANS[i]);
      this.messages[i] *= keep;
      this.bytes[i] *= keep;
    }
    for (const [client, last] of this.#around) {
      if (last >= seconds - LOOK_BACK) return;
      this.#around.delete(client);
    }
  }

  #forgetSeconds(from: number, to: number): void {
    const steps = Math.min(Math.floor(to) - Math.floor(from), MINUTE);
    for (let i = 0; i < steps; i++) {
      const at = (((Math.floor(to) - i) % MINUTE) + MINUTE) % MINUTE;
      this.#lastMinute -= this.#seconds[at];
      this.#seconds[at] = 0;
    }
  }

  /** `messages` of a client, at the time that was advanced to. */
  add(client: string, bytes: number, messages = 1): void {
    for (let i = 0; i < SPANS.length; i++) {
      this.messages[i] += messages;
      this.bytes[i] += bytes;
    }
    this.#seconds[((Math.floor(this.#now) % MINUTE) + MINUTE) % MINUTE] += messages;
    this.#lastMinute += messages;
    this.#lastMessage = this.#now;
    this.#around.delete(client);
    this.#around.set(client, this.#now);
  }

  /** Other clients that spoke in the last ten minutes, messages of the last minute, and seconds since anybody spoke. */
  around(client: string): { others: number; lastMinute: number; silence: number } {
    return {
      others: this.#around.size - (this.#around.has(client) ? 1 : 0),
      lastMinute: this.#lastMinute,
      silence: Math.min(this.#now - this.#lastMessage, LOOK_BACK),
    };
  }

  forget(client: string): void {
    this.#around.delete(client);
  }
}

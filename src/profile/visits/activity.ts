/** Time constants of what is counted, s. */
const SPANS = [60, 300, 1800, 7200] as const;
/** Seconds that one looks back on message by message. */
const LOOK_BACK = 600;
const LAST_MINUTE = 60;
/** Messages that are kept though they are past. */
const MOST_PASSED = 1000;

/** How busy all clients together are: damped counts of messages and bytes, and who spoke in the last ten minutes. */
export class Activity {
  readonly messages = new Float64Array(SPANS.length);
  readonly bytes = new Float64Array(SPANS.length);
  readonly #recent: { seconds: number; client: string }[] = [];
  #first = 0;
  #last = 0;

  /** Lets time pass. */
  advance(seconds: number): void {
    const elapsed = Math.max(0, seconds - this.#last);
    this.#last = seconds;
    SPANS.forEach((span, i) => {
      const keep = Math.exp(-elapsed / span);
      this.messages[i] *= keep;
      this.bytes[i] *= keep;
    });
    while (this.#first < this.#recent.length && this.#recent[this.#first].seconds < seconds - LOOK_BACK) this.#first++;
    if (this.#first < MOST_PASSED) return;
    this.#recent.splice(0, this.#first);
    this.#first = 0;
  }

  add(seconds: number, client: string, bytes: number): void {
    for (let i = 0; i < SPANS.length; i++) {
      this.messages[i]++;
      this.bytes[i] += bytes;
    }
    this.#recent.push({ seconds, client });
  }

  /** Other clients that spoke in the last ten minutes, their messages of the last minute, and seconds since anybody spoke. */
  around(client: string): { others: number; lastMinute: number; silence: number } {
    const others = new Set<string>();
    let lastMinute = 0;
    for (let i = this.#first; i < this.#recent.length; i++) {
      const one = this.#recent[i];
      if (one.client === client) continue;
      others.add(one.client);
      if (one.seconds > this.#last - LAST_MINUTE) lastMinute++;
    }
    const last =
      this.#recent.length > this.#first ? this.#recent[this.#recent.length - 1].seconds : this.#last - LOOK_BACK;
    return { others: others.size, lastMinute, silence: this.#last - last };
  }
}

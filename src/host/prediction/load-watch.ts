import { processors } from '../processors.js';

/** Share of the processors that it may use above which the host has better things to do than to train. */
const BUSY = 0.8;
const LOOK_EVERY_MS = 2000;

/** Whether the host is overloaded: by the processor time it takes, and by ticks that were skipped. */
export class LoadWatch {
  #at = 0;
  #cpu = process.cpuUsage();
  #skipped = 0;
  #busy = false;

  isOverloaded(skipped: number, now: number): boolean {
    const elapsed = now - this.#at;
    if (elapsed < LOOK_EVERY_MS) return this.#busy;
    const { user, system } = process.cpuUsage(this.#cpu);
    const share = this.#at === 0 ? 0 : (user + system) / 1000 / elapsed / processors();
    this.#busy = share > BUSY || (this.#at !== 0 && skipped > this.#skipped);
    this.#at = now;
    this.#cpu = process.cpuUsage();
    this.#skipped = skipped;
    return this.#busy;
  }
}

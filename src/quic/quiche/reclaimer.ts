import { collectGarbage } from '../../core/garbage.js';

/** Dead connections below this number are not worth a collection. */
const MIN_DEAD = 512;
/** ... nor while they are fewer than this share of the live ones. */
const SHARE_OF_LIVE = 0.25;
/** What was unread in them, bytes, is worth one whatever their number. */
const MIN_UNREAD = 64 * 1024 * 1024;

/**
 * Gives the memory of ended connections back. A native connection (some 40 KB) lives until V8 collects its wrapper of a
 * few bytes, and the binding does not tell V8 of the difference: left alone, a host that serves many short connections
 * holds the memory of thousands of dead ones. So a collection is asked for when the dead are many against the living,
 * or held much, off the hot path.
 */
export class NativeReclaimer {
  #dead = 0;
  #unread = 0;
  #scheduled = false;

  /** A connection that held `unread` bytes was let go of while `live` others are there. */
  noteEnd(live: number, unread: number): void {
    this.#dead++;
    this.#unread += unread;
    const isDue = this.#dead >= Math.max(MIN_DEAD, live * SHARE_OF_LIVE) || this.#unread >= MIN_UNREAD;
    if (this.#scheduled || !isDue) return;
    this.#scheduled = true;
    setTimeout(() => this.#run(), 50).unref();
  }

  #run(): void {
    this.#scheduled = false;
    this.#dead = 0;
    this.#unread = 0;
    collectGarbage();
  }
}

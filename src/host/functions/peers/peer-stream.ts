import type { GatedStream } from '../../shard/gated-stream.js';
import type { PeerLink } from './peer-link.js';
import type { Held, PeerWindow } from './peer-window.js';

const READ = 16_384;
const chunk = new Uint8Array(READ);

/**
 * One client's half of a stream that goes on at another's. Nothing is read of it before the other's client has its half, and
 * no more than the window lets be on the way: what is not read holds the sender, by flow control and by the number of streams.
 */
export class PeerStream implements Held {
  /** What the other's client sent and this one's transport has not taken. */
  #waiting: { bytes: Uint8Array; end: boolean }[] = [];
  #underWay = 0;
  #ended = false;

  constructor(
    readonly link: PeerLink,
    readonly s: number,
    readonly stream: GatedStream,
    readonly window: PeerWindow,
    readonly onDone: () => void,
  ) {
    stream.handler = {
      onReadable: () => this.pump(),
      onWritable: () => this.#write(),
      onReset: (code) => {
        link.post({ type: 'reset', s, code });
        this.#check();
      },
      onStopSending: (code) => {
        link.post({ type: 'stop', s, code });
        this.#drop();
      },
    };
  }

  pump(): void {
    const { stream, s, link, window } = this;
    while (!stream.isReadDone) {
      const room = window.room(this.#underWay);
      if (room === 0) {
        stream.pause();
        window.hold(this);
        return;
      }
      const length = stream.read(chunk.subarray(0, Math.min(READ, room)));
      if (length < 0) return;
      this.#underWay += length;
      window.added(length);
      link.post({ type: 'bytes', s, bytes: chunk.slice(0, length), end: stream.finished });
    }
    this.#check();
  }

  /** The other's client has its half, or there is room again: reading begins, or goes on. */
  proceed(): void {
    this.stream.resume();
  }

  /** The other's transport took bytes of ours, or let go of them. */
  taken(bytes: number): void {
    this.#underWay -= bytes;
    this.window.taken(bytes);
    this.#check();
  }

  /** Bytes of the other's client. */
  receive(bytes: Uint8Array, end: boolean): void {
    this.#waiting.push({ bytes, end });
    this.#write();
  }

  #write(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.stream.isWriteDone) {
        this.#drop();
        return;
      }
      const taken = this.stream.write(first.bytes, first.end);
      this.#tellTaken(taken);
      first.bytes = first.bytes.subarray(taken);
      // It may be gone, which writing found out.
      if (first.bytes.length > 0 && this.stream.isWriteDone) this.#drop();
      if (first.bytes.length > 0 || (first.end && !this.stream.isWriteDone)) return;
      this.#waiting.shift();
    }
    this.#check();
  }

  #tellTaken(bytes: number): void {
    if (bytes > 0) this.link.post({ type: 'taken', s: this.s, bytes });
  }

  /** What waits goes nowhere any more. */
  #drop(): void {
    for (const { bytes } of this.#waiting) this.#tellTaken(bytes.length);
    this.#waiting = [];
    this.#check();
  }

  reset(code: number): void {
    this.stream.reset(code);
    this.#drop();
  }

  stop(code: number): void {
    this.stream.stopSending(code);
    this.#check();
  }

  #check(): void {
    const { stream } = this;
    if (this.#ended || !stream.isReadDone || !stream.isWriteDone || this.#underWay > 0) return;
    this.#ended = true;
    this.window.forget(this);
    this.onDone();
  }
}

import type { GatedStream } from '../../shard/gated-stream.js';
import type { PeerLink } from './peer-link.js';

const READ = 16_384;
const chunk = new Uint8Array(READ);

/** One client's half of a stream that goes on at another's. Reading stops while too much is on the way between them. */
export class PeerStream {
  /** What the other's client sent and this one's transport has not taken. */
  readonly #waiting: { bytes: Uint8Array; end: boolean }[] = [];
  #underWay = 0;
  #ended = false;

  constructor(
    readonly link: PeerLink,
    readonly s: number,
    readonly stream: GatedStream,
    /** Bytes that may be on the way to the other. */
    readonly window: () => number,
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
        this.#check();
      },
    };
  }

  pump(): void {
    const { stream, s, link } = this;
    while (!stream.isReadDone) {
      const room = this.window() - this.#underWay;
      if (room <= 0) {
        stream.pause();
        return;
      }
      const length = stream.read(chunk.subarray(0, Math.min(READ, room)));
      if (length < 0) return;
      this.#underWay += length;
      link.post({ type: 'bytes', s, bytes: chunk.slice(0, length), end: stream.finished });
    }
    this.#check();
  }

  /** The other's transport took bytes of ours. */
  taken(bytes: number): void {
    this.#underWay -= bytes;
    this.stream.resume();
    this.pump();
  }

  /** Bytes of the other's client. */
  receive(bytes: Uint8Array, end: boolean): void {
    this.#waiting.push({ bytes, end });
    this.#write();
  }

  #write(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.stream.isWriteDone) {
        this.#waiting.length = 0;
        return;
      }
      const taken = this.stream.write(first.bytes, first.end);
      if (taken > 0) this.link.post({ type: 'taken', s: this.s, bytes: taken });
      first.bytes = first.bytes.subarray(taken);
      if (first.bytes.length > 0 || (first.end && !this.stream.isWriteDone)) return;
      this.#waiting.shift();
    }
    this.#check();
  }

  reset(code: number): void {
    this.stream.reset(code);
    this.#check();
  }

  stop(code: number): void {
    this.stream.stopSending(code);
    this.#check();
  }

  #check(): void {
    if (this.#ended || !this.stream.isReadDone || !this.stream.isWriteDone) return;
    this.#ended = true;
    this.onDone();
  }
}

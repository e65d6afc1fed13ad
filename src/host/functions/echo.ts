import type { GatedStream } from '../shard/gated-stream.js';
import type { HostSession } from '../shard/host-session.js';
import type { HostFunction, SessionFunction } from './host-function.js';

const CHUNK = 65536;
/** Shared by all sessions of the thread: it holds bytes only within one call. */
const chunk = new Uint8Array(CHUNK);

/** Copies one stream into another. What the target does not take waits, and the source is paused meanwhile. */
export function pipe(from: GatedStream, to: GatedStream, bufferSize: number): void {
  const window = chunk.subarray(0, Math.min(CHUNK, bufferSize));
  let waiting: Uint8Array | null = null;
  let ended = false;
  const offer = (bytes: Uint8Array): boolean => {
    const taken = to.write(bytes, ended);
    // An end may have to wait though it has no bytes.
    if (to.isWriteDone || (taken === bytes.length && !ended)) return true;
    waiting = bytes.slice(taken);
    from.pause();
    return false;
  };
  const pump = (): void => {
    while (!from.isReadDone && !to.isWriteDone) {
      const length = from.read(window);
      if (length < 0) return;
      ended = from.finished;
      if (!offer(window.subarray(0, length))) return;
    }
  };
  const onWritable = (): void => {
    if (waiting === null) return;
    const bytes = waiting;
    waiting = null;
    if (offer(bytes)) from.resume();
  };
  from.handler = { ...from.handler, onReadable: pump, onReset: (code) => to.reset(code) };
  to.handler = { ...to.handler, onWritable, onStopSending: (code) => from.stopSending(code) };
}

/** Sends back what it gets: datagrams, bidirectional streams on themselves, unidirectional ones on a new stream. */
class Echo implements SessionFunction {
  #waiting: GatedStream[] = [];

  constructor(readonly session: HostSession) {}

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    this.session.sendDatagramInPlace(bytes, start, end);
  }

  onStream(stream: GatedStream): void {
    if (stream.bidirectional) {
      pipe(stream, stream, this.session.settings.bufferSize);
      return;
    }
    this.#answer(stream);
  }

  #answer(stream: GatedStream): void {
    const reply = this.session.openStream(false);
    if (reply === null) {
      stream.pause();
      this.#waiting.push(stream);
      return;
    }
    pipe(stream, reply, this.session.settings.bufferSize);
  }

  onStreamsAvailable(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) {
      this.#answer(stream);
      stream.resume();
    }
  }
}

export const echo: HostFunction = { id: 'echo', open: (session) => new Echo(session) };

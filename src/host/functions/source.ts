import type { GatedStream } from '../shard/gated-stream.js';
import type { HostSession } from '../shard/host-session.js';
import type { HostFunction, SessionFunction } from './host-function.js';

const zeros = new Uint8Array(65536);
const DEFAULT_BYTES = 1024 * 1024;
const MAX_BYTES = 64 * 1024 ** 3;

/** Sends `bytes` of the query on one unidirectional stream (zeros), then ends it. */
class Source implements SessionFunction {
  #left: number;
  #stream: GatedStream | null = null;

  constructor(readonly session: HostSession) {
    const asked = Number(session.query.get('bytes') ?? DEFAULT_BYTES);
    this.#left = Number.isFinite(asked) ? Math.min(Math.max(0, Math.floor(asked)), MAX_BYTES) : DEFAULT_BYTES;
  }

  onOpen(): void {
    this.onStreamsAvailable();
  }

  onStreamsAvailable(): void {
    if (this.#stream !== null) return;
    const stream = this.session.openStream(false);
    if (stream === null) return;
    this.#stream = stream;
    stream.handler = { ...stream.handler, onWritable: () => this.#send(stream) };
    this.#send(stream);
  }

  #send(stream: GatedStream): void {
    while (!stream.isWriteDone) {
      const length = Math.min(this.#left, zeros.length);
      const taken = stream.write(length === zeros.length ? zeros : zeros.subarray(0, length), length === this.#left);
      this.#left -= taken;
      // The end may have to wait on its own.
      if (taken < length || this.#left === 0) return;
    }
  }
}

export const source: HostFunction = { id: 'source', open: (session) => new Source(session) };

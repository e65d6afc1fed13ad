import { type QuicConnection, STREAM_ABORTED } from '../quic/engine.js';
import { encodeVarint } from '../quic/varint.js';
import { StreamType } from './critical-streams.js';
import { H3ConnectionError, H3Error } from './errors.js';
import { Frame } from './frame-reader.js';
import { concatBytes, encodeFrame } from './frame-writer.js';
import type { StreamSink } from './stream-sink.js';

const NOTHING: Uint8Array = new Uint8Array(0);

/** The unidirectional streams that this side opens: control (RFC 9114 section 6.2.1), and QPACK's where it is a client. */
export class OwnStreams {
  #controlId = -1;
  #pending: Uint8Array = NOTHING;

  constructor(
    readonly quic: QuicConnection,
    readonly setSink: (id: number, sink: StreamSink) => void,
  ) {}

  /** Opens them, SETTINGS first. Throws H3ConnectionError. */
  open(settings: Uint8Array): void {
    this.#controlId = this.quic.openStream(false, false);
    if (this.#controlId < 0) {
      throw new H3ConnectionError(H3Error.STREAM_CREATION_ERROR, 'the peer allows no control stream');
    }
    this.setSink(this.#controlId, {
      onReadable() {},
      onWritable: () => this.#send(NOTHING),
    });
    this.#send(concatBytes(encodeVarint(StreamType.CONTROL), encodeFrame(Frame.SETTINGS, settings)));
    // Without a dynamic table QPACK's streams carry nothing, and RFC 9204 section 4.2 lets a server leave them out. A
    // client opens them as browsers do, so that it has the same number of streams left for its sessions.
    if (this.quic.isServer) return;
    for (const type of [StreamType.QPACK_ENCODER, StreamType.QPACK_DECODER]) {
      const id = this.quic.openStream(false, false);
      if (id < 0) return;
      this.setSink(id, { onReadable() {} });
      this.quic.streamWrite(id, encodeVarint(type), false);
    }
  }

  /** Throws H3ConnectionError. */
  goaway(id: number): void {
    this.#send(encodeFrame(Frame.GOAWAY, encodeVarint(id)));
  }

  #send(bytes: Uint8Array): void {
    this.#pending = concatBytes(this.#pending, bytes);
    const taken = this.quic.streamWrite(this.#controlId, this.#pending, false);
    if (taken === STREAM_ABORTED) {
      throw new H3ConnectionError(H3Error.CLOSED_CRITICAL_STREAM, 'control stream stopped');
    }
    if (taken > 0) this.#pending = this.#pending.subarray(taken);
  }
}

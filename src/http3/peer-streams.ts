import { type QuicConnection, STREAM_ABORTED, STREAM_BLOCKED } from '../quic/engine.js';
import { readVarint } from '../quic/varint.js';
import { StreamType } from './critical-streams.js';
import { H3ConnectionError, H3Error } from './errors.js';
import { Frame } from './frame-reader.js';
import { concatBytes } from './frame-writer.js';
import { WEBTRANSPORT_UNI_STREAM } from './stream.js';
import type { StreamSink } from './stream-sink.js';

/** Read at once until it is known what a stream is: little, so that few bytes behind that have to be handed over. */
const PREAMBLE = 16;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Takes streams of the peer over as soon as it is known what they are. Each may throw an H3Error. */
export interface PeerStreamOwner {
  /** Who reads the stream meanwhile. */
  setSink(id: number, sink: StreamSink): void;
  /** Nobody reads the stream any more. */
  removeSink(id: number): void;
  /** `bytes` are all that was read. */
  onRequest(id: number, bytes: Uint8Array, end: boolean): void;
  /** A control or QPACK stream; `rest` is behind its type. */
  onCritical(id: number, type: number, rest: Uint8Array, end: boolean): void;
  /** A stream of a WebTransport session; `rest` is its payload so far. */
  onSessionStream(id: number, sessionId: number, rest: Uint8Array, end: boolean): void;
  /** One was reset before it said what it is. */
  onAbandoned(): void;
}

/** Streams that the peer opened, until their first bytes tell what they are (RFC 9114 section 6, draft-ietf-webtrans-http3). */
export class PeerStreams {
  constructor(
    readonly quic: QuicConnection,
    readonly owner: PeerStreamOwner,
  ) {}

  /** Reads what is there of a stream that nobody has. Throws an H3Error. */
  begin(id: number): void {
    let gathered = NOTHING;
    const onReadable = (): void => {
      const part = new Uint8Array(PREAMBLE);
      const length = this.quic.streamRead(id, part);
      if (length === STREAM_BLOCKED) return;
      if (length < 0) {
        this.owner.removeSink(id);
        if (length === STREAM_ABORTED) this.owner.onAbandoned();
        return;
      }
      gathered = concatBytes(gathered, part.subarray(0, length));
      const end = this.quic.streamFinished;
      if (this.#handOver(id, gathered, end)) return;
      if (end) this.owner.removeSink(id);
      else onReadable();
    };
    this.owner.setSink(id, { onReadable });
    onReadable();
  }

  /** @returns whether the bytes were enough. */
  #handOver(id: number, bytes: Uint8Array, end: boolean): boolean {
    const type = readVarint(bytes, 0);
    if (type < 0) return false;
    const isBidirectional = (id & 2) === 0;
    if (type === (isBidirectional ? Frame.WEBTRANSPORT_STREAM : WEBTRANSPORT_UNI_STREAM)) {
      return this.#toSession(id, bytes, end);
    }
    if (isBidirectional) this.#toRequest(id, bytes, end);
    else this.#toCritical(id, type, bytes, end);
    return true;
  }

  #toRequest(id: number, bytes: Uint8Array, end: boolean): void {
    if (!this.quic.isServer) {
      throw new H3ConnectionError(H3Error.STREAM_CREATION_ERROR, 'a server opened a bidirectional stream');
    }
    this.owner.removeSink(id);
    this.owner.onRequest(id, bytes, end);
  }

  #toCritical(id: number, type: number, bytes: Uint8Array, end: boolean): void {
    switch (type) {
      case StreamType.CONTROL:
      case StreamType.QPACK_ENCODER:
      case StreamType.QPACK_DECODER:
        this.owner.onCritical(id, type, bytes.subarray(1 << (bytes[0] >> 6)), end);
        return;
      case StreamType.PUSH:
        throw new H3ConnectionError(
          this.quic.isServer ? H3Error.STREAM_CREATION_ERROR : H3Error.ID_ERROR,
          'a push that nobody allowed',
        );
      default:
        // RFC 9114 section 6.2: unknown types are refused or passed over.
        this.quic.streamStop(id, H3Error.STREAM_CREATION_ERROR);
        this.owner.removeSink(id);
    }
  }

  #toSession(id: number, bytes: Uint8Array, end: boolean): boolean {
    const typeLength = 1 << (bytes[0] >> 6);
    const sessionId = readVarint(bytes, typeLength);
    if (sessionId < 0) return false;
    this.owner.removeSink(id);
    // A session is named by a request, a client's bidirectional stream.
    if (sessionId % 4 !== 0) throw new H3ConnectionError(H3Error.ID_ERROR, `stream for session ${sessionId}`);
    this.owner.onSessionStream(id, sessionId, bytes.slice(typeLength + (1 << (bytes[typeLength] >> 6))), end);
    return true;
  }
}

import { type QuicConnection, STREAM_BLOCKED } from '../quic/engine.js';
import { readVarint } from '../quic/varint.js';
import { H3ConnectionError, H3Error } from './errors.js';
import { Frame, FrameReader, KNOWN_FRAMES } from './frame-reader.js';
import { decodeSettings, type Settings } from './settings.js';
import type { StreamSink } from './stream-sink.js';

/** Types of unidirectional streams, RFC 9114 section 6.2, RFC 9204 section 4.2. */
export const StreamType = { CONTROL: 0x00, PUSH: 0x01, QPACK_ENCODER: 0x02, QPACK_DECODER: 0x03 } as const;

const MAX_CONTROL_FRAME = 4096;

export interface CriticalOwner {
  setSink(id: number, sink: StreamSink): void;
  onSettings(settings: Settings): void;
  onGoaway(): void;
}

/** The peer's control stream and QPACK streams: one of each, and none may end (RFC 9114 section 6.2.1). */
export class CriticalStreams {
  readonly #seen = new Set<number>();
  #sawSettings = false;

  constructor(
    readonly quic: QuicConnection,
    /** What is read at once; holds bytes only within a call. */
    readonly scratch: Uint8Array,
    readonly owner: CriticalOwner,
  ) {}

  /** Takes a stream over whose type was read, with the bytes behind it. Throws {@link H3ConnectionError}. */
  begin(id: number, type: number, rest: Uint8Array, end: boolean): void {
    this.#onlyOnce(type);
    if (type === StreamType.CONTROL) this.#beginControl(id, rest, end);
    else this.#beginQpack(id, type, rest, end);
  }

  #onlyOnce(type: number): void {
    if (this.#seen.has(type)) {
      throw new H3ConnectionError(H3Error.STREAM_CREATION_ERROR, `a second stream of type ${type}`);
    }
    this.#seen.add(type);
  }

  /** Reads a critical stream (RFC 9114 section 6.2.1) to its end, which must not come. */
  #readCritical(id: number, first: Uint8Array, end: boolean, push: (bytes: Uint8Array) => void): void {
    const ended = () => {
      throw new H3ConnectionError(H3Error.CLOSED_CRITICAL_STREAM, 'a critical stream ended');
    };
    const onReadable = (): void => {
      for (;;) {
        const length = this.quic.streamRead(id, this.scratch);
        if (length === STREAM_BLOCKED) return;
        if (length < 0) ended();
        push(this.scratch.subarray(0, length));
        if (this.quic.streamFinished) ended();
      }
    };
    this.owner.setSink(id, { onReadable });
    push(first);
    if (end) ended();
    onReadable();
  }

  #beginControl(id: number, first: Uint8Array, end: boolean): void {
    const frames = new FrameReader(
      {
        onData: () => {
          throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, 'DATA on the control stream');
        },
        onFrame: (type, payload) => this.#onControlFrame(type, payload),
      },
      MAX_CONTROL_FRAME,
      KNOWN_FRAMES,
    );
    let sawType = false;
    this.#readCritical(id, first, end, (bytes) => {
      // RFC 9114 section 6.2.1: SETTINGS comes first, so the first octet is its type.
      if (!sawType && bytes.length > 0) {
        sawType = true;
        if (bytes[0] !== Frame.SETTINGS) throw new H3ConnectionError(H3Error.MISSING_SETTINGS, 'no SETTINGS first');
      }
      frames.push(bytes);
    });
  }

  #onControlFrame(type: number, payload: Uint8Array): void {
    switch (type) {
      case Frame.SETTINGS: {
        if (this.#sawSettings) throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, 'SETTINGS twice');
        this.#sawSettings = true;
        this.owner.onSettings(decodeSettings(payload));
        return;
      }
      case Frame.GOAWAY: {
        const id = readVarint(payload, 0);
        if (id < 0 || payload.length !== 1 << (payload[0] >> 6)) {
          throw new H3ConnectionError(H3Error.FRAME_ERROR, 'malformed GOAWAY');
        }
        // RFC 9114 section 5.2: a server names a request of the client.
        if (!this.quic.isServer && id % 4 !== 0) throw new H3ConnectionError(H3Error.ID_ERROR, `GOAWAY names ${id}`);
        this.owner.onGoaway();
        return;
      }
      case Frame.MAX_PUSH_ID:
        if (!this.quic.isServer) throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, 'MAX_PUSH_ID from a server');
        return;
      case Frame.CANCEL_PUSH:
        if (readVarint(payload, 0) < 0) throw new H3ConnectionError(H3Error.FRAME_ERROR, 'malformed CANCEL_PUSH');
        throw new H3ConnectionError(H3Error.ID_ERROR, 'CANCEL_PUSH of a push that never was');
      default:
        throw new H3ConnectionError(H3Error.FRAME_UNEXPECTED, `frame type ${type} on the control stream`);
    }
  }

  #beginQpack(id: number, type: number, first: Uint8Array, end: boolean): void {
    this.#readCritical(id, first, end, (bytes) => {
      if (bytes.length === 0) return;
      if (type === StreamType.QPACK_DECODER) {
        throw new H3ConnectionError(H3Error.QPACK_DECODER_STREAM_ERROR, 'acknowledges what we never inserted');
      }
      // RFC 9204 section 4.3.1: of all instructions only a capacity of 0 fits a table that may not exist.
      for (const byte of bytes) {
        if (byte !== 0x20) throw new H3ConnectionError(H3Error.QPACK_ENCODER_STREAM_ERROR, 'fills a table of size 0');
      }
    });
  }
}

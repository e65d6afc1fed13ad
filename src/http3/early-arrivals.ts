import { H3Error } from './errors.js';
import type { WebTransportSession } from './session.js';
import type { WebTransportStream } from './stream.js';

/**
 * Streams and datagrams of sessions whose CONNECT has not come yet (draft-ietf-webtrans-http3, buffering incoming streams and
 * datagrams): packets overtake each other. So many are held; datagrams beyond are dropped, streams refused.
 */
export class EarlyArrivals {
  #streams: WebTransportStream[] = [];
  #datagrams: { sessionId: number; bytes: Uint8Array }[] = [];

  constructor(readonly most: number) {}

  holdDatagram(sessionId: number, bytes: Uint8Array, length: number): void {
    if (this.#datagrams.length >= this.most) return;
    this.#datagrams.push({ sessionId, bytes: bytes.slice(0, length) });
  }

  holdStream(stream: WebTransportStream): void {
    if (this.#streams.length >= this.most) {
      stream.abort(H3Error.WEBTRANSPORT_BUFFERED_STREAM_REJECTED);
      return;
    }
    stream.pause();
    this.#streams.push(stream);
  }

  /** A session is there: it gets what came for it. */
  giveTo(session: WebTransportSession): void {
    const streams = this.#streams.filter((stream) => stream.sessionId === session.id);
    this.#streams = this.#streams.filter((stream) => stream.sessionId !== session.id);
    const datagrams = this.#datagrams.filter((datagram) => datagram.sessionId === session.id);
    this.#datagrams = this.#datagrams.filter((datagram) => datagram.sessionId !== session.id);
    for (const stream of streams) session.receiveStream(stream);
    for (const { bytes } of datagrams) session.receiveDatagram(bytes, 1 << (bytes[0] >> 6), bytes.length);
  }

  clear(): void {
    this.#streams = [];
    this.#datagrams = [];
  }
}

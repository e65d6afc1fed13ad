import type { SessionClose, SessionHandler, WebTransportSession } from '../src/http3/session.js';
import type { WebTransportStream } from '../src/http3/stream.js';
import { NativeStream, type WriteScheduler } from './native-stream.js';
import type { LibrarySession, StreamOrder } from './native-types.js';

/** A session as the library's `HttpWTSession` drives it. */
export class NativeSession implements SessionHandler, WriteScheduler {
  jsobj!: LibrarySession;
  /** Streams with something to write. */
  readonly #writing = new Set<NativeStream>();
  #isPumping = false;
  #isMore = false;
  readonly #wanted: { bidirectional: boolean; order: StreamOrder }[] = [];

  constructor(
    readonly session: WebTransportSession,
    /** The session is over; whoever made it may let go of the connection. */
    readonly onEnd: () => void = () => {},
  ) {
    session.handler = this;
  }

  // What the library asks for.

  writeDatagram(chunk: Uint8Array): { code: 'success' | 'blocked' | 'internalError' | 'tooBig'; message?: string } {
    switch (this.session.sendDatagram(chunk)) {
      case 'sent':
        return { code: 'success' };
      case 'queue-full':
        return { code: 'blocked' };
      case 'too-big':
        return { code: 'tooBig' };
      case 'unsupported':
        return { code: 'internalError', message: 'the session takes no datagrams' };
    }
  }

  orderBidiStream(order: StreamOrder): boolean {
    return this.#order(true, order);
  }

  orderUnidiStream(order: StreamOrder): boolean {
    return this.#order(false, order);
  }

  #order(bidirectional: boolean, order: StreamOrder): boolean {
    const queued = this.#wanted.some((wanted) => wanted.bidirectional === bidirectional);
    if (!queued && this.#open(bidirectional, order)) return true;
    if (order.waitUntilAvailable !== true) return false;
    this.#wanted.push({ bidirectional, order });
    return true;
  }

  #open(bidirectional: boolean, order: StreamOrder): boolean {
    const stream = this.session.openStream(bidirectional);
    if (stream === null) return false;
    const { sendOrder = 0, sendGroup } = order;
    this.jsobj.onStream({
      stream: new NativeStream(stream, this, sendOrder),
      bidirectional,
      incoming: false,
      sendGroupId: sendGroup?._sendGroupId ?? 0n,
      sendOrder,
    });
    return true;
  }

  orderSessionStats(): void {
    const { rtt, deliveryRate, packetsLost } = this.session.quic.stats();
    this.jsobj.onSessionStats({
      timestamp: Date.now(),
      expiredOutgoing: 0n,
      lostOutgoing: BigInt(packetsLost),
      minRtt: rtt,
      smoothedRtt: rtt,
      rttVariation: 0,
      estimatedSendRateBps: BigInt(Math.round(deliveryRate * 8)),
    });
  }

  orderDatagramStats(): void {
    this.jsobj.onDatagramStats({ timestamp: Date.now(), expiredOutgoing: 0n, lostOutgoing: 0n });
  }

  notifySessionDraining(): void {
    this.session.drain();
  }

  getMaxDatagramSize(): number {
    return this.session.maxDatagramSize;
  }

  close({ code, reason }: { code: number; reason: string }): void {
    this.session.close(code, reason);
  }

  // The order of writes: what a stream of higher order has comes first, the rest shares what is left.

  schedule(stream: NativeStream): void {
    this.#writing.add(stream);
    this.#isMore = true;
    this.pump();
  }

  pump(): void {
    // What a write finds out, as that a stream is stopped, may schedule others.
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      do {
        this.#isMore = false;
        const streams = [...this.#writing];
        if (streams.length > 1) streams.sort((a, b) => b.sendOrder - a.sendOrder);
        for (const stream of streams) if (stream.flush()) this.#writing.delete(stream);
      } while (this.#isMore);
    } finally {
      this.#isPumping = false;
    }
  }

  // What the session tells.

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    this.jsobj.onDatagramReceived({ datagram: bytes.slice(start, end) });
  }

  onStream(stream: WebTransportStream): void {
    stream.pause();
    this.jsobj.onStream({
      stream: new NativeStream(stream, this, 0),
      bidirectional: stream.bidirectional,
      incoming: true,
      sendGroupId: 0n,
      sendOrder: 0,
    });
  }

  onStreamsAvailable(): void {
    for (let i = 0; i < this.#wanted.length; ) {
      const { bidirectional, order } = this.#wanted[i];
      if (this.#open(bidirectional, order)) this.#wanted.splice(i, 1);
      else i++;
    }
  }

  onDraining(): void {
    this.jsobj.onGoAwayReceived({});
  }

  onClosed(close: SessionClose): void {
    // What drained the library (1.6.8) takes for not open yet: `closed` would reject, and its streams not end.
    if (this.jsobj?.state === 'draining') this.jsobj.state = 'connected';
    this.jsobj?.onClose({ errorcode: close.code, error: close.reason });
    this.onEnd();
  }

  /** Tells the library that the session is open. At once: an application may close it in the same turn. */
  ready(protocol?: string): void {
    this.jsobj.onReady(protocol === undefined ? {} : { protocol });
  }
}

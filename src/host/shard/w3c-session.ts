import { type SessionHandler, SILENT_SESSION } from '../../http3/session.js';
import { SILENT_STREAM, type WebTransportStreamHandler } from '../../http3/stream.js';
import type { DatagramSendResult } from '../../quic/engine.js';
import type { TransportSession, TransportStream } from '../transport.js';

/** The part of the W3C WebTransport API that the adapter uses. */
export interface W3cWebTransport {
  readonly closed: Promise<{ closeCode?: number; reason?: string }>;
  readonly datagrams: {
    readonly readable: ReadableStream<Uint8Array>;
    readonly maxDatagramSize: number;
    createWritable(): WritableStream<Uint8Array>;
  };
  readonly incomingBidirectionalStreams: ReadableStream<W3cStreamPair>;
  readonly incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
  createBidirectionalStream(): Promise<W3cStreamPair>;
  createUnidirectionalStream(): Promise<WritableStream<Uint8Array>>;
  close(info?: { closeCode: number; reason: string }): void;
}

interface W3cStreamPair {
  readable?: ReadableStream<Uint8Array>;
  writable?: WritableStream<Uint8Array>;
}

const NOTHING = new Uint8Array(0);
/** Chunks handed to a writable whose writes are not done yet. */
const MAX_WRITES = 4;
/** Datagrams handed on and not yet taken by the transport. */
const MAX_DATAGRAMS = 64;

/** A W3C stream as the pulled kind that the host works with. At most one chunk is read ahead. */
export class W3cStream implements TransportStream {
  handler: WebTransportStreamHandler = SILENT_STREAM;
  finished = false;
  #readDone = false;
  #writeDone = false;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #chunk: Uint8Array = NOTHING;
  #reading = false;
  #paused = false;
  #ended = false;
  #writes = 0;
  #starved = false;

  constructor(
    pair: Promise<W3cStreamPair>,
    readonly incoming: boolean,
    readonly bidirectional: boolean,
  ) {
    this.#readDone = !incoming && !bidirectional;
    this.#writeDone = incoming && !bidirectional;
    pair.then(
      ({ readable, writable }) => this.#attach(readable, writable),
      () => {
        this.#readDone = true;
        this.#writeDone = true;
        this.handler.onStopSending(0);
      },
    );
  }

  #attach(readable?: ReadableStream<Uint8Array>, writable?: WritableStream<Uint8Array>): void {
    if (writable !== undefined && !this.#writeDone) {
      this.#writer = writable.getWriter();
      this.#writer.closed.catch(() => {
        if (this.#writeDone) return;
        this.#writeDone = true;
        this.handler.onStopSending(0);
      });
      this.handler.onWritable();
    }
    if (readable !== undefined && !this.#readDone) {
      this.#reader = readable.getReader();
      this.#readAhead();
    }
  }

  get isReadDone(): boolean {
    return this.#readDone;
  }

  get isWriteDone(): boolean {
    return this.#writeDone;
  }

  #readAhead(): void {
    const idle = !this.#reading && !this.#paused && !this.#readDone && !this.#ended;
    // A chunk that is not used up yet must not be overwritten by the next.
    if (!idle || this.#chunk.length > 0 || this.#reader === null) return;
    this.#reading = true;
    this.#reader.read().then(
      ({ done, value }) => {
        this.#reading = false;
        if (done) this.#ended = true;
        else this.#chunk = value;
        if (!this.#paused && !this.#readDone) this.handler.onReadable();
      },
      () => {
        this.#reading = false;
        if (this.#readDone) return;
        this.#readDone = true;
        this.handler.onReset(0);
      },
    );
  }

  read(into: Uint8Array): number {
    if (this.#readDone) return -1;
    if (this.#chunk.length > 0) {
      const length = Math.min(into.length, this.#chunk.length);
      into.set(this.#chunk.subarray(0, length));
      this.#chunk = this.#chunk.subarray(length);
      if (this.#chunk.length === 0) this.#readAhead();
      return length;
    }
    if (this.#ended) {
      this.finished = true;
      this.#readDone = true;
      return 0;
    }
    this.#readAhead();
    return -1;
  }

  write(bytes: Uint8Array, end: boolean): number {
    const writer = this.#writer;
    if (this.#writeDone) return 0;
    if (writer === null || this.#writes >= MAX_WRITES) {
      this.#starved = true;
      return 0;
    }
    if (bytes.length > 0) {
      this.#writes++;
      // The caller uses its buffer again; the transport keeps what it is given.
      writer.write(bytes.slice()).then(
        () => this.#written(),
        () => this.#written(),
      );
    }
    if (end) {
      this.#writeDone = true;
      writer.close().catch(() => {});
    }
    return bytes.length;
  }

  #written(): void {
    this.#writes--;
    if (!this.#starved || this.#writeDone) return;
    this.#starved = false;
    this.handler.onWritable();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#readAhead();
  }

  reset(code: number): void {
    if (this.#writeDone) return;
    this.#writeDone = true;
    this.#writer?.abort({ code }).catch(() => {});
  }

  stopSending(code: number): void {
    if (this.#readDone) return;
    this.#readDone = true;
    this.#reader?.cancel({ code }).catch(() => {});
  }
}

/** A session of @fails-components/webtransport's HTTP/3 as a transport of the host. */
export class W3cSession implements TransportSession {
  handler: SessionHandler = SILENT_SESSION;
  state: 'pending' | 'open' | 'closed' = 'pending';
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #datagramsUnderWay = 0;
  #closedHere: { code: number; reason: string } | null = null;

  constructor(readonly session: W3cWebTransport) {
    this.#writer = session.datagrams.createWritable().getWriter();
    this.#writer.closed.catch(() => {});
    session.closed.then(
      ({ closeCode = 0, reason = '' }) => this.#end(closeCode, reason, true),
      (error: Error) => this.#end(0, error?.message ?? '', false),
    );
  }

  /** The bytes on the wire are not seen from here. */
  get wireRatio(): number {
    return 1;
  }

  get maxDatagramSize(): number {
    return this.session.datagrams.maxDatagramSize;
  }

  accept(): void {
    if (this.state !== 'pending') return;
    this.state = 'open';
    void this.#each(this.session.datagrams.readable, (datagram) => {
      this.handler.onDatagram(datagram, 0, datagram.length);
    });
    void this.#each(this.session.incomingBidirectionalStreams, (pair) => this.#present(pair, true));
    void this.#each(this.session.incomingUnidirectionalStreams, (readable) => this.#present({ readable }, false));
  }

  async #each<T>(stream: ReadableStream<T>, use: (value: T) => void): Promise<void> {
    const reader = stream.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.state === 'closed') return;
        use(value);
      }
    } catch {
      // The session ended; `closed` tells how.
    }
  }

  #present(pair: W3cStreamPair, bidirectional: boolean): void {
    const stream = new W3cStream(Promise.resolve(pair), true, bidirectional);
    this.handler.onStream(stream as unknown as Parameters<SessionHandler['onStream']>[0]);
  }

  reject(status: number): void {
    this.close(status, `refused with status ${status}`);
  }

  sendDatagram(payload: Uint8Array): DatagramSendResult {
    if (this.state !== 'open') return 'unsupported';
    if (this.#datagramsUnderWay >= MAX_DATAGRAMS) return 'queue-full';
    this.#datagramsUnderWay++;
    const sent = () => {
      this.#datagramsUnderWay--;
    };
    this.#writer.write(payload.slice()).then(sent, sent);
    return 'sent';
  }

  sendDatagramInPlace(bytes: Uint8Array, start: number, end: number): DatagramSendResult {
    return this.sendDatagram(bytes.subarray(start, end));
  }

  openStream(bidirectional: boolean): TransportStream | null {
    if (this.state !== 'open') return null;
    const pair: Promise<W3cStreamPair> = bidirectional
      ? this.session.createBidirectionalStream()
      : this.session.createUnidirectionalStream().then((writable) => ({ writable }));
    return new W3cStream(pair, false, bidirectional);
  }

  /** The library's server says no DRAIN: the session is closed when the time is up. */
  drain(): void {}

  close(code = 0, reason = ''): void {
    if (this.state === 'closed') return;
    this.#closedHere = { code, reason };
    this.session.close({ closeCode: code, reason });
    this.#end(code, reason, true);
  }

  #end(code: number, reason: string, clean: boolean): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.handler.onClosed({ code, reason, clean, by: this.#closedHere === null ? 'peer' : 'local' });
  }
}

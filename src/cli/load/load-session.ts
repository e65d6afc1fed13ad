import type { SessionClose, SessionHandler, WebTransportSession } from '../../http3/session.js';
import type { WebTransportStream } from '../../http3/stream.js';
import type { LoadReport } from './load-report.js';

/** A time stamp and a number come first in a message. */
export const STAMP_BYTES = 12;
const chunk = new Uint8Array(65536);

/** One session of the load generator: sends messages and times what comes back. */
export class LoadSession implements SessionHandler {
  session: WebTransportSession | null = null;
  /** Called when an echo came back or a message is given up, for closed-loop sending. */
  onBack: () => void = () => {};
  closed: SessionClose | null = null;
  readonly #message: Uint8Array;
  readonly #view: DataView;
  #number = 0;

  constructor(
    public report: LoadReport,
    size: number,
  ) {
    this.#message = new Uint8Array(Math.max(size, STAMP_BYTES));
    this.#view = new DataView(this.#message.buffer);
  }

  /** Sends `size` bytes (at least the stamp) as a datagram where they fit, else on a stream of their own. */
  sendSized(size: number): void {
    const { session } = this;
    if (session === null || session.state !== 'open') return;
    const bytes = new Uint8Array(Math.max(size, STAMP_BYTES));
    this.#stamp(new DataView(bytes.buffer));
    if (bytes.length <= session.maxDatagramSize) this.#datagram(session, bytes);
    else this.#stream(session, bytes, false);
  }

  sendDatagram(): void {
    if (this.session === null || this.session.state !== 'open') return;
    this.#stamp(this.#view);
    this.#datagram(this.session, this.#message);
  }

  sendStream(): void {
    if (this.session === null || this.session.state !== 'open') return;
    this.#stamp(this.#view);
    this.#stream(this.session, this.#message.slice(), true);
  }

  #stamp(view: DataView): void {
    view.setFloat64(0, performance.now());
    view.setUint32(8, this.#number++);
  }

  #datagram(session: WebTransportSession, bytes: Uint8Array): void {
    if (session.sendDatagram(bytes) !== 'sent') return;
    this.report.sent++;
    this.report.bytesSent += bytes.length;
  }

  #stream(session: WebTransportSession, bytes: Uint8Array, bidirectional: boolean): void {
    const stream = session.openStream(bidirectional);
    if (stream === null) return;
    let left = bytes;
    const write = (): void => {
      left = left.subarray(stream.write(left, true));
    };
    const startedAt = performance.now();
    stream.handler = {
      onReadable: () => this.#readEcho(stream, startedAt),
      onWritable: write,
      onReset: () => this.onBack(),
      onStopSending: () => {},
    };
    this.report.sent++;
    this.report.bytesSent += bytes.length;
    write();
  }

  #readEcho(stream: WebTransportStream, startedAt: number): void {
    for (let length = stream.read(chunk); length >= 0; length = stream.read(chunk)) {
      this.report.bytesReceived += length;
      if (!stream.finished) continue;
      this.report.received++;
      this.report.noteLatency(performance.now() - startedAt);
      this.onBack();
    }
  }

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    this.report.received++;
    this.report.bytesReceived += end - start;
    if (end - start >= STAMP_BYTES) {
      const stamp = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(start);
      this.report.noteLatency(performance.now() - stamp);
    }
    this.onBack();
  }

  /** Echoes of unidirectional streams come on streams of the server. */
  onStream(stream: WebTransportStream): void {
    const startedAt = performance.now();
    stream.handler = { ...stream.handler, onReadable: () => this.#readEcho(stream, startedAt) };
  }

  onStreamsAvailable(): void {}

  onDraining(): void {}

  onClosed(close: SessionClose): void {
    this.closed = close;
  }
}

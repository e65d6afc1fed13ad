import type { WebTransportStream, WebTransportStreamHandler } from '../src/http3/stream.js';
import type { LibraryStream } from './native-types.js';

/** Bytes read at once where the reader brings no buffer of its own. */
const READ_SIZE = 65536;
const NOTHING = new Uint8Array(0);
const scratch = new Uint8Array(READ_SIZE);

/** What a stream needs of its session: the order in which streams write. */
export interface WriteScheduler {
  schedule(stream: NativeStream): void;
  pump(): void;
}

/** A stream as the library's `HttpWTStream` drives it. */
export class NativeStream implements WebTransportStreamHandler {
  jsobj!: LibraryStream;
  sendOrder: number;
  #reading = false;
  #ended = false;
  #chunk: Uint8Array | null = null;
  #final = false;
  #draining = false;

  constructor(
    readonly stream: WebTransportStream,
    readonly scheduler: WriteScheduler,
    sendOrder: number,
  ) {
    this.sendOrder = sendOrder;
    stream.handler = this;
    // Behind the flush that sends the stream's first bytes: streams reach the peer in the order they were opened.
    if (sendOrder !== 0) setImmediate(() => setImmediate(() => this.#applyOrder()));
  }

  // What the library asks for.

  startReading(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.stream.resume();
    // HttpWTStream is under construction when it first asks: it hears of data afterwards.
    queueMicrotask(() => this.onReadable());
  }

  stopReading(): void {
    this.#reading = false;
    this.stream.pause();
  }

  /** The session ends: everything there is goes to the reader now. */
  drainReads(): void {
    this.#draining = true;
    this.#reading = true;
    this.onReadable();
  }

  stopSending(code: number): void {
    this.stream.stopSending(code);
    this.#finishLater('stopSending');
  }

  resetStream(code: number): void {
    this.#chunk = null;
    this.stream.reset(code);
    this.#finishLater('resetStream');
  }

  writeChunk(bytes: Uint8Array): void {
    this.#chunk = bytes;
    this.scheduler.schedule(this);
  }

  streamFinal(): void {
    this.#final = true;
    this.scheduler.schedule(this);
  }

  updateSendOrderAndGroup({ sendOrder }: { sendOrder: number; sendGroupId: bigint }): void {
    this.sendOrder = sendOrder;
    this.#applyOrder();
  }

  #applyOrder(): void {
    // QUIC's urgency runs the other way and has 8 bits; 127 is the middle that streams without an order have.
    this.stream.setPriority(Math.min(254, Math.max(0, 127 - this.sendOrder)));
  }

  #finishLater(nettask: 'stopSending' | 'resetStream' | 'streamFinal'): void {
    process.nextTick(() => this.jsobj.onStreamNetworkFinish({ nettask }));
  }

  /** Writes what waits. Returns true where nothing is left to write. */
  flush(): boolean {
    if (this.stream.isWriteDone && !this.#ended) {
      this.#settleWrites();
      return true;
    }
    const chunk = this.#chunk;
    if (chunk !== null) {
      const taken = this.stream.write(chunk, false);
      // The peer wants no more of it, which writing found out: the library has been told.
      if (this.#chunk !== chunk) return this.flush();
      if (taken < chunk.length && !this.stream.isWriteDone) {
        this.#chunk = chunk.subarray(taken);
        return false;
      }
      this.#chunk = null;
      process.nextTick(() => this.jsobj.onStreamWrite({ success: true }));
    }
    if (this.#final) {
      this.stream.write(NOTHING, true);
      if (!this.stream.isWriteDone) return false;
      this.#final = false;
      this.#finishLater('streamFinal');
    }
    return true;
  }

  #settleWrites(): void {
    if (this.#chunk !== null) process.nextTick(() => this.jsobj.onStreamWrite({ success: false }));
    if (this.#final) this.#finishLater('streamFinal');
    this.#chunk = null;
    this.#final = false;
  }

  // What the stream tells.

  onReadable(): void {
    while (this.#reading && !this.#ended && this.jsobj !== undefined) {
      const length = this.stream.read(scratch);
      if (length < 0) return;
      this.#ended = this.stream.finished;
      this.#deliver(scratch.subarray(0, length), this.#ended);
    }
  }

  #deliver(bytes: Uint8Array, fin: boolean): void {
    if (bytes.length === 0) {
      if (fin) this.jsobj.commitReadBuffer({ fin: true });
      return;
    }
    let at = 0;
    while (at < bytes.length) {
      const read = this.jsobj.getReadBuffer({ byteSize: bytes.length - at });
      const target = read.buffer as Uint8Array;
      const length = Math.min(target.length, bytes.length - at);
      target.set(bytes.subarray(at, at + length));
      at += length;
      read.readBytes = length;
      read.drained = at === bytes.length;
      read.fin = fin && read.drained;
      this.jsobj.commitReadBuffer(read);
    }
    // The library asks again when it is read from, and stops by itself only while somebody waits: left alone it takes all there is.
    if (!this.#draining) this.stopReading();
  }

  onWritable(): void {
    this.scheduler.pump();
  }

  onReset(code: number): void {
    this.#ended = true;
    this.jsobj?.onStreamRecvSignal({ code, nettask: 'resetStream' });
  }

  onStopSending(code: number): void {
    this.#settleWrites();
    this.jsobj?.onStreamRecvSignal({ code, nettask: 'stopSending' });
  }
}

import { SILENT_STREAM, type WebTransportStreamHandler } from '../http3/stream.js';
import type { ReceiveCredit, SendCredit } from './credit.js';

const NOTHING: Uint8Array = new Uint8Array(0);
/** Least bytes of a piece that holds what was not read at once: small capsules share one. */
const PIECE = 2048;

/** What a stream asks of its session. */
export interface StreamOwner {
  /** Sends as much as there is credit and room for. Returns the bytes taken, or -1 where not even an end would be. */
  sendData(stream: TcpStream, bytes: Uint8Array, end: boolean): number;
  sendReset(stream: TcpStream, code: number): void;
  sendStop(stream: TcpStream, code: number): void;
  /** The stream's bytes are read, or never will be. */
  wasRead(stream: TcpStream, bytes: number): void;
  streamDone(stream: TcpStream): void;
}

/** A stream of a session over TCP. Reading is pulled: what is not read takes the peer's credit. */
export class TcpStream {
  handler: WebTransportStreamHandler = SILENT_STREAM;
  /** All has been read. */
  finished = false;
  #readDone: boolean;
  #writeDone: boolean;
  /** What came and is not read, in order; of the first piece `#from` bytes are. */
  #pieces: Uint8Array[] = [];
  #from = 0;
  /** Bytes of the last piece that are in use. */
  #lastUsed = 0;
  /** What is coming in this moment: bytes of somebody else. */
  #passing = NOTHING;
  #endCame = false;
  #paused = false;

  constructor(
    readonly owner: StreamOwner,
    readonly id: number,
    readonly incoming: boolean,
    readonly bidirectional: boolean,
    readonly receiveCredit: ReceiveCredit,
    readonly sendCredit: SendCredit,
  ) {
    this.#readDone = !incoming && !bidirectional;
    this.#writeDone = incoming && !bidirectional;
  }

  get isReadDone(): boolean {
    return this.#readDone;
  }

  get isWriteDone(): boolean {
    return this.#writeDone;
  }

  /** Whether the peer has said that no more comes. */
  get endCame(): boolean {
    return this.#endCame;
  }

  /** Bytes of the peer, which are there during the call; what nobody reads in it is kept. */
  receive(bytes: Uint8Array, end: boolean): void {
    if (this.#readDone) {
      this.owner.wasRead(this, bytes.length);
      return;
    }
    this.#endCame = end;
    if (this.#pieces.length > 0 || this.#paused) {
      this.#keep(bytes);
      this.#tell();
      return;
    }
    this.#passing = bytes;
    this.#tell();
    const rest = this.#passing;
    this.#passing = NOTHING;
    this.#keep(rest);
  }

  #tell(): void {
    if (!this.#paused && !this.#readDone && this.#hasNews) this.handler.onReadable();
  }

  get #hasNews(): boolean {
    return this.#pieces.length > 0 || this.#passing.length > 0 || this.#endCame;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#readDone) return;
    const last = this.#pieces.at(-1);
    const fits = last === undefined ? 0 : Math.min(bytes.length, last.length - this.#lastUsed);
    last?.set(bytes.subarray(0, fits), this.#lastUsed);
    this.#lastUsed += fits;
    if (fits === bytes.length) return;
    const piece = new Uint8Array(Math.max(PIECE, bytes.length - fits));
    piece.set(bytes.subarray(fits));
    this.#pieces.push(piece);
    this.#lastUsed = bytes.length - fits;
  }

  /**
   * Reads into `into`. Returns bytes read, or -1 where there is nothing now. {@link finished} tells of the end.
   */
  read(into: Uint8Array): number {
    if (this.#readDone) return -1;
    let length = this.#readKept(into);
    if (this.#pieces.length === 0 && this.#passing.length > 0) {
      const taken = Math.min(into.length - length, this.#passing.length);
      into.set(this.#passing.subarray(0, taken), length);
      this.#passing = this.#passing.subarray(taken);
      length += taken;
    }
    const isEnd = this.#endCame && this.#pieces.length === 0 && this.#passing.length === 0;
    if (length > 0) this.owner.wasRead(this, length);
    if (isEnd) this.#endRead(true);
    return length > 0 || isEnd ? length : -1;
  }

  #readKept(into: Uint8Array): number {
    let length = 0;
    while (this.#pieces.length > 0 && length < into.length) {
      const [piece] = this.#pieces;
      const used = this.#pieces.length === 1 ? this.#lastUsed : piece.length;
      const taken = Math.min(into.length - length, used - this.#from);
      into.set(piece.subarray(this.#from, this.#from + taken), length);
      length += taken;
      this.#from += taken;
      if (this.#from < used) break;
      this.#pieces.shift();
      this.#from = 0;
    }
    return length;
  }

  /** Offers bytes; returns how many were taken. onWritable follows where that is less than all. */
  write(bytes: Uint8Array, end: boolean): number {
    if (this.#writeDone) return 0;
    const taken = this.owner.sendData(this, bytes, end);
    if (end && taken === bytes.length) this.#endWrite();
    return Math.max(0, taken);
  }

  /** No onReadable comes until resumed. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#hasNews) queueMicrotask(() => this.#tell());
  }

  reset(code: number): void {
    if (this.#writeDone) return;
    this.owner.sendReset(this, code);
    this.#endWrite();
  }

  stopSending(code: number): void {
    if (this.#readDone) return;
    this.owner.sendStop(this, code);
    this.#forget();
    this.#endRead(false);
  }

  onReset(code: number): void {
    if (this.#readDone) return;
    this.#endCame = true;
    this.#forget();
    this.#endRead(false);
    this.handler.onReset(code);
  }

  onStopped(code: number): void {
    if (this.#writeDone) return;
    // RFC 9000 section 3.5: STOP_SENDING is answered by a reset.
    this.owner.sendReset(this, code);
    this.#endWrite();
    this.handler.onStopSending(code);
  }

  /** Its session is over. */
  abort(): void {
    this.#pieces = [];
    this.#passing = NOTHING;
    this.#readDone = true;
    this.#writeDone = true;
  }

  /** Nobody reads what there is. */
  #forget(): void {
    let length = this.#passing.length - this.#from;
    for (const [i, piece] of this.#pieces.entries()) {
      length += i === this.#pieces.length - 1 ? this.#lastUsed : piece.length;
    }
    this.#pieces = [];
    this.#from = 0;
    this.#passing = NOTHING;
    if (length > 0) this.owner.wasRead(this, length);
  }

  #endRead(finished: boolean): void {
    this.finished = finished;
    this.#readDone = true;
    if (this.#writeDone) this.owner.streamDone(this);
  }

  #endWrite(): void {
    this.#writeDone = true;
    if (this.#readDone) this.owner.streamDone(this);
  }
}

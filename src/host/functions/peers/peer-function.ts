import { AppError } from '../../../control/codes.js';
import type { GatedStream } from '../../shard/gated-stream.js';
import type { HostSession } from '../../shard/host-session.js';
import type { HostFunction, SessionFunction } from '../host-function.js';
import type { PeerLink, PeerMessage } from './peer-link.js';
import { PeerStream } from './peer-stream.js';
import { PeerWindow } from './peer-window.js';

/** Finds the other of a name. */
export interface PeerFinder {
  /** `found` is called with the link when there are two, or with null where there are two already. */
  join(
    session: HostSession,
    functionId: string,
    name: string,
    found: (link: PeerLink | null, isFirst: boolean) => void,
  ): void;
  leave(session: HostSession): void;
}

const NAME = /^.{1,128}$/;

/** Messages about a stream that both have. */
type StreamMessage = Exclude<PeerMessage, { type: 'open' | 'datagram' | 'left' }>;

/** A stream of the other's client that has no half here. `stopped`: the code with which its client reads no answer. */
interface Unopened {
  s: number;
  bidirectional: boolean;
  stopped: number | null;
}

function receiveFor(stream: PeerStream, message: StreamMessage): void {
  switch (message.type) {
    case 'opened':
      stream.proceed();
      return;
    case 'bytes':
      stream.receive(message.bytes, message.end);
      return;
    case 'taken':
      stream.taken(message.bytes);
      return;
    case 'reset':
      stream.reset(message.code);
      return;
    case 'stop':
      stream.stop(message.code);
  }
}

/** Two sessions joined by a name: what one sends the other receives. */
class PeerSession implements SessionFunction {
  #link: PeerLink | null = null;
  #isFirst = false;
  #next = 0;
  readonly #streams = new Map<number, PeerStream>();
  /** Streams of the client that came before the other did. */
  #early: GatedStream[] = [];
  /** Streams of the other that the client allows not yet: no more than the other may have at once, as none is read. */
  #unopened: Unopened[] = [];
  readonly #window = new PeerWindow(() => this.session.settings.bufferSize);

  constructor(
    readonly session: HostSession,
    readonly functionId: string,
    readonly finder: PeerFinder,
  ) {}

  onOpen(): void {
    const name = this.session.query.get('name') ?? '';
    if (!NAME.test(name)) {
      this.session.close(AppError['function-refused'], 'a peered session needs ?name= of 1 to 128 characters');
      return;
    }
    this.finder.join(this.session, this.functionId, name, (link, isFirst) => this.#found(link, isFirst));
  }

  #found(link: PeerLink | null, isFirst: boolean): void {
    if (link === null) {
      this.session.close(AppError['peer-taken'], 'two sessions of that name are joined already');
      return;
    }
    this.#link = link;
    this.#isFirst = isFirst;
    link.onMessage = (message) => this.#receive(message);
    const early = this.#early;
    this.#early = [];
    for (const stream of early) {
      if (!stream.isReadDone) this.onStream(stream);
      // Reset before anybody was there to hear of it.
      else if (!stream.isWriteDone) stream.reset(0);
    }
  }

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    if (this.#link === null) this.session.shard.undelivered();
    else this.#link.post({ type: 'datagram', bytes: bytes.slice(start, end) });
  }

  onStream(stream: GatedStream): void {
    const link = this.#link;
    stream.pause();
    if (link === null) {
      this.#early.push(stream);
      return;
    }
    const s = this.#next * 2 + (this.#isFirst ? 0 : 1);
    this.#next++;
    this.#adopt(link, s, stream);
    link.post({ type: 'open', s, bidirectional: stream.bidirectional });
  }

  #adopt(link: PeerLink, s: number, stream: GatedStream): PeerStream {
    const peer = new PeerStream(link, s, stream, this.#window, () => this.#streams.delete(s));
    this.#streams.set(s, peer);
    return peer;
  }

  onStreamsAvailable(): void {
    while (this.#unopened.length > 0 && this.#openHere(this.#unopened[0])) this.#unopened.shift();
  }

  #openHere({ s, bidirectional, stopped }: Unopened): boolean {
    const link = this.#link;
    const stream = link === null ? null : this.session.openStream(bidirectional);
    if (link === null || stream === null) return false;
    const peer = this.#adopt(link, s, stream);
    link.post({ type: 'opened', s });
    if (stopped !== null) peer.stop(stopped);
    return true;
  }

  #receive(message: PeerMessage): void {
    if (message.type === 'datagram') this.session.sendDatagram(message.bytes);
    else if (message.type === 'left') this.session.close(AppError['peer-left'], 'the other session ended');
    else if (message.type === 'open') {
      const { s, bidirectional } = message;
      const unopened = { s, bidirectional, stopped: null };
      if (this.#unopened.length > 0 || !this.#openHere(unopened)) this.#unopened.push(unopened);
    } else {
      const stream = this.#streams.get(message.s);
      if (stream === undefined) this.#receiveForNone(message);
      else receiveFor(stream, message);
    }
  }

  /** What is about a stream that the client has not got yet, or no more. */
  #receiveForNone(message: StreamMessage): void {
    const link = this.#link;
    const unopened = this.#unopened.find(({ s }) => s === message.s);
    if (message.type === 'bytes' && message.bytes.length > 0) {
      link?.post({ type: 'taken', s: message.s, bytes: message.bytes.length });
    } else if (unopened !== undefined && message.type === 'stop') unopened.stopped = message.code;
    else if (unopened !== undefined && message.type === 'reset') {
      this.#unopened = this.#unopened.filter((each) => each !== unopened);
      if (unopened.bidirectional) link?.post({ type: 'reset', s: message.s, code: message.code });
    }
  }

  onClose(): void {
    this.finder.leave(this.session);
    this.#link?.post({ type: 'left' });
    this.#link?.close();
    this.#link = null;
  }
}

/** A function whose sessions are joined in pairs. */
export class PeerFunction implements HostFunction {
  constructor(
    readonly id: string,
    readonly finder: PeerFinder,
  ) {}

  open(session: HostSession): SessionFunction {
    return new PeerSession(session, this.id, this.finder);
  }
}

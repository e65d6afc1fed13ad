import { AppError } from '../../../control/codes.js';
import type { GatedStream } from '../../shard/gated-stream.js';
import type { HostSession } from '../../shard/host-session.js';
import type { HostFunction, SessionFunction } from '../host-function.js';
import type { PeerLink, PeerMessage } from './peer-link.js';
import { PeerStream } from './peer-stream.js';

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

/** Two sessions joined by a name: what one sends the other receives. */
class PeerSession implements SessionFunction {
  #link: PeerLink | null = null;
  #isFirst = false;
  #next = 0;
  readonly #streams = new Map<number, PeerStream>();
  /** Streams of the client that came before the other did; of the other, that the client allows not yet. */
  #early: GatedStream[] = [];
  readonly #unopened: Extract<PeerMessage, { type: 'open' }>[] = [];
  readonly #held: PeerMessage[] = [];

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
      this.onStream(stream);
      stream.resume();
    }
  }

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    if (this.#link === null) this.session.shard.undelivered();
    else this.#link.post({ type: 'datagram', bytes: bytes.slice(start, end) });
  }

  onStream(stream: GatedStream): void {
    const link = this.#link;
    if (link === null) {
      stream.pause();
      this.#early.push(stream);
      return;
    }
    const s = this.#next * 2 + (this.#isFirst ? 0 : 1);
    this.#next++;
    link.post({ type: 'open', s, bidirectional: stream.bidirectional });
    this.#adopt(link, s, stream).pump();
  }

  #adopt(link: PeerLink, s: number, stream: GatedStream): PeerStream {
    const peer = new PeerStream(
      link,
      s,
      stream,
      () => this.session.settings.bufferSize,
      () => this.#streams.delete(s),
    );
    this.#streams.set(s, peer);
    return peer;
  }

  onStreamsAvailable(): void {
    for (let first = this.#unopened[0]; first !== undefined; first = this.#unopened[0]) {
      if (!this.#openHere(first)) return;
      this.#unopened.shift();
    }
    for (const message of this.#held.splice(0)) this.#receive(message);
  }

  #openHere({ s, bidirectional }: Extract<PeerMessage, { type: 'open' }>): boolean {
    const stream = this.session.openStream(bidirectional);
    if (stream === null || this.#link === null) return false;
    this.#adopt(this.#link, s, stream);
    return true;
  }

  #receive(message: PeerMessage): void {
    switch (message.type) {
      case 'datagram':
        this.session.sendDatagram(message.bytes);
        return;
      case 'left':
        this.session.close(AppError['peer-left'], 'the other session ended');
        return;
      case 'open':
        if (this.#unopened.length > 0 || !this.#openHere(message)) this.#unopened.push(message);
        return;
    }
    // What belongs to a stream that is not open yet waits with it.
    if (this.#unopened.some(({ s }) => s === message.s)) {
      this.#held.push(message);
      return;
    }
    const stream = this.#streams.get(message.s);
    if (message.type === 'bytes') stream?.receive(message.bytes, message.end);
    else if (message.type === 'taken') stream?.taken(message.bytes);
    else if (message.type === 'reset') stream?.reset(message.code);
    else stream?.stop(message.code);
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

import type { QuicheConnection } from './connection.js';
import { HandshakeQueue } from './handshake-queue.js';

/** ms that newcomers have in a flush, and their share of what it took before. */
const TURN_MS = 0.1;
const SHARE = 0.25;
/** ms after its handshake for which a connection is a newcomer: it asks for its first session then. */
export const SETTLES_AFTER_MS = 500;

/** What an endpoint does for its newcomers; of a connection that is gone, nothing. */
export interface NewcomerActions {
  canSend(): boolean;
  /** Raises a connection's events and sends what it has to say. */
  service(connection: QuicheConnection, now: number): void;
  /** Whose a packet is, of a connection that is made for it where it begins one; null where it is nobody's. */
  ownerOf(packet: Uint8Array, address: string, port: number, now: number): QuicheConnection | null;
  deliver(connection: QuicheConnection, packet: Uint8Array, address: string, port: number, now: number): void;
}

/**
 * Those who came lately, or are not connected yet: served behind all others and in small steps. TLS and a first session cost a
 * hundred times what a packet does, and who is there must not wait for a crowd that comes. What is left waits until packets
 * that came meanwhile have had their turn.
 */
export class Newcomers {
  /** Those that have something to say or to tell. */
  readonly #touched: QuicheConnection[] = [];
  readonly #packets = new HandshakeQueue();
  /** Accepted for the packet that is first in the queue, which it has not taken yet. */
  #begun: QuicheConnection | null = null;
  /** The next step is one of those that are not connected yet. */
  #begins = false;

  constructor(readonly actions: NewcomerActions) {}

  get isWaiting(): boolean {
    return this.#touched.length > 0 || this.#packets.length > 0;
  }

  add(connection: QuicheConnection): void {
    this.#touched.push(connection);
  }

  /** Keeps a packet of one that is not connected yet, as {@link HandshakeQueue.add} does. */
  keep(packet: Uint8Array, address: string, port: number): boolean {
    return this.#packets.add(packet, address, port);
  }

  /** @param now when the flush began, ms */
  serve(now: number): void {
    if (!this.isWaiting) return;
    const start = performance.now();
    const end = start + Math.max(TURN_MS, (start - now) * SHARE);
    while (this.isWaiting && this.actions.canSend()) {
      this.#step(now);
      if (performance.now() >= end) return;
    }
  }

  /** Everybody who has something to say, however long that takes. */
  serveAll(now: number): void {
    for (const connection of this.#touched.splice(0)) this.actions.service(connection, now);
  }

  /** By turns one that has something to say, and one that is not connected yet. */
  #step(now: number): void {
    const begins = this.#packets.length > 0 && (this.#begins || this.#touched.length === 0);
    this.#begins = !begins;
    if (begins) this.#shakeHands(now);
    else this.actions.service(this.#touched.shift() as QuicheConnection, now);
  }

  /** A connection is made, or takes a packet. */
  #shakeHands(now: number): void {
    const { packet, address, port } = this.#packets.first();
    const owner = this.#begun ?? this.actions.ownerOf(packet, address, port, now);
    if (this.#begun === null && owner !== null && !owner.hasHeard) {
      this.#begun = owner;
      return;
    }
    this.#begun = null;
    this.#packets.drop();
    if (owner !== null) this.actions.deliver(owner, packet, address, port, now);
  }
}

import type { Socket } from 'node:net';
import { PrefixShares } from '../quic/prefix-shares.js';

/** The places for TCP connections: where all are taken, the address prefix with most of them makes room, as with QUIC. */
export class ConnectionPlaces {
  readonly #shares: PrefixShares<Socket>;
  /** Connections that went so that others could come, and those that found no place. */
  evicted = 0;
  refused = 0;

  constructor(readonly most: number) {
    this.#shares = new PrefixShares(most);
  }

  /** Whether a connection that comes gets a place; one that gets none is ended. */
  take(socket: Socket): boolean {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || !this.#hasRoom(remoteAddress)) {
      this.refused++;
      socket.destroy();
      return false;
    }
    this.#shares.add(socket, remoteAddress);
    socket.once('close', () => this.#shares.delete(socket));
    return true;
  }

  #hasRoom(address: string): boolean {
    if (this.#shares.size < this.most) return true;
    const givers = this.#shares.givers(address);
    for (const giver of givers) {
      this.#shares.delete(giver);
      giver.destroy();
    }
    this.evicted += givers.length;
    return givers.length > 0;
  }

  /** All end, and those that are in their handshake too. */
  close(): void {
    for (const socket of this.#shares.all()) socket.destroy();
  }
}

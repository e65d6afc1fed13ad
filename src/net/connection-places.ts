import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { PrefixShares } from '../quic/prefix-shares.js';

/** Of a connection. */
interface Place {
  end(): void;
}

/** The places for TCP connections: where all are taken, the address prefix with most of them makes room, as with QUIC. */
export class ConnectionPlaces {
  readonly #shares: PrefixShares<Place>;
  /** By the peer's address and port. */
  readonly #places = new Map<string, Place>();
  #isClosed = false;
  /** Connections that went so that others could come, and those that found no place. */
  evicted = 0;
  refused = 0;

  constructor(readonly most: number) {
    this.#shares = new PrefixShares(most);
  }

  /** A connection comes: it gets a place, or is ended. */
  take(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || !this.#hasRoom(remoteAddress)) {
      this.refused++;
      socket.destroy();
      return;
    }
    const place: Place = { end: () => socket.destroy() };
    const peer = peerOf(socket);
    this.#shares.add(place, remoteAddress);
    this.#places.set(peer, place);
    socket.once('close', () => {
      this.#shares.delete(place);
      if (this.#places.get(peer) === place) this.#places.delete(peer);
    });
  }

  #hasRoom(address: string): boolean {
    if (this.#shares.size < this.most) return true;
    const givers = this.#shares.givers(address);
    for (const giver of givers) {
      this.#shares.delete(giver);
      giver.end();
    }
    this.evicted += givers.length;
    return givers.length > 0;
  }

  /**
   * TLS has its own socket, to which the one below has given its handle: that ends nothing any more. Returns whether the connection still has
   * its place: it may have lost it in the middle of its handshake, and is ended.
   */
  handOver(socket: TLSSocket): boolean {
    const place = this.#places.get(peerOf(socket));
    if (place === undefined || this.#isClosed) {
      socket.destroy();
      return false;
    }
    place.end = () => socket.destroy();
    return true;
  }

  /** All end, and those that are in their handshake too. */
  close(): void {
    this.#isClosed = true;
    for (const place of this.#places.values()) place.end();
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

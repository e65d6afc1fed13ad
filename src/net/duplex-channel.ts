import type { Duplex } from 'node:stream';
import type { SessionChannel } from '../http2/channel.js';
import type { TcpSession } from '../http2/session.js';
import type { TcpSessionError } from '../http2/session-error.js';
import type { HeaderField } from '../http3/qpack/field-section.js';
import { destroyAfter } from './deadline.js';

/** What a peer may leave in front of its door, bytes: small answers to it go out whether it reads or not. */
const MOST_QUEUED = 1024 * 1024;
/** ms that a peer has to end its side once ours is. */
const LAST_WORDS_MS = 1000;

/** What differs between a stream of HTTP/2 and the socket of a WebSocket. */
export interface ChannelWays {
  accept(): void;
  reject(status: number, headers: readonly HeaderField[]): void;
  abort(error: TcpSessionError): void;
}

/** A session's channel on one of Node's streams. Nothing is read of it before the session is accepted. */
export class DuplexChannel implements SessionChannel {
  #session: TcpSession | null = null;

  constructor(
    readonly duplex: Duplex,
    readonly ways: ChannelWays,
  ) {
    duplex.on('error', () => {
      // 'close' follows.
    });
  }

  /** From now on the session is told what happens. */
  attach(session: TcpSession): void {
    this.#session = session;
    const { duplex } = this;
    duplex.on('drain', () => session.drained());
    duplex.on('end', () => session.ended());
    duplex.on('close', () => session.lost('the connection ended'));
    if (duplex.destroyed) session.lost('the connection ended');
  }

  accept(): void {
    this.ways.accept();
    this.duplex.on('data', (bytes: Uint8Array) => this.#session?.receive(bytes));
  }

  reject(status: number, headers: readonly HeaderField[]): void {
    this.ways.reject(status, headers);
  }

  write(bytes: Uint8Array): boolean {
    const { duplex } = this;
    if (!duplex.writable) return false;
    if (duplex.writableLength > MOST_QUEUED) {
      duplex.destroy();
      return false;
    }
    return duplex.write(bytes);
  }

  end(): void {
    const { duplex } = this;
    duplex.end();
    destroyAfter(duplex, LAST_WORDS_MS);
  }

  abort(error: TcpSessionError): void {
    this.ways.abort(error);
  }
}

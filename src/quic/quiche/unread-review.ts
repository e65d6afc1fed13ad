import { EXCESSIVE_LOAD } from '../errors.js';
import type { QuicTransportOptions } from '../options.js';
import type { UnreadSum } from '../unread-bytes.js';
import type { QuicheConnection } from './connection.js';

/** Bytes below which nobody asks whether they are really held. */
const WORTH_A_LOOK = 256 * 1024;
/** Connections looked at in a review: each costs some 300 native calls. */
const MOST_LOOKS = 64;
/** Streams that any client has open all the time, and some more: with so few, what nobody can see fades. */
const FEW_STREAMS = 8;

/**
 * What connections hold unread, corrected and bounded. A window that was granted can't be taken back (RFC 9000 section 4.1): a client
 * may fill as many streams as it may open and have none of them read, whatever its session's buffer. So where all of them hold more
 * than there is to be, those that hold most go, as with Envoy's `reset_high_memory_stream`.
 */
export class UnreadReview {
  #from = 0;

  constructor(
    readonly connections: Iterable<QuicheConnection>,
    readonly transport: QuicTransportOptions,
  ) {}

  /** Corrects what is too much to be true, of so many connections at a time. */
  look(): void {
    const suspects: QuicheConnection[] = [];
    for (const connection of this.connections) {
      if (connection.unread.bytes >= WORTH_A_LOOK) suspects.push(connection);
    }
    if (suspects.length > 0) this.#from %= suspects.length;
    for (let n = 0; n < Math.min(MOST_LOOKS, suspects.length); n++) {
      this.#correct(suspects[(this.#from + n) % suspects.length]);
    }
    this.#from += MOST_LOOKS;
  }

  /** Closes those that hold most until all hold no more than `most` bytes, none that holds no more than one stream is granted. Returns how many. */
  bound(most: number, sum: Readonly<UnreadSum>): number {
    const least = this.transport.initialStreamWindow;
    const holders = [...this.connections]
      .filter(({ unread, isClosed }) => !isClosed && unread.bytes > least)
      .sort((a, b) => b.unread.bytes - a.unread.bytes);
    let closed = 0;
    for (const connection of holders) {
      if (sum.unreadBytes <= most) break;
      this.#correct(connection);
      if (connection.unread.bytes <= least) continue;
      closed++;
      connection.unread.leave();
      connection.close(true, EXCESSIVE_LOAD, 'holds more unread than there is room for');
    }
    return closed;
  }

  /** No more than its open streams are granted, and where those are few, what does not wait in front of a function fades. */
  #correct({ unread, streams }: QuicheConnection): void {
    const { maxBidirectionalStreams, maxUnidirectionalStreams, maxStreamWindow } = this.transport;
    const open = streams.countOpen(Math.max(maxBidirectionalStreams, maxUnidirectionalStreams));
    unread.atMost(open * maxStreamWindow);
    if (open <= FEW_STREAMS) unread.atMost(Math.max(streams.paused * maxStreamWindow, unread.bytes / 2));
  }
}

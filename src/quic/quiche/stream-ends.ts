import type { QuicStats } from '../engine.js';
import type { NativeConnection } from '../native.js';

/** Bytes of a congestion window that an end wants. */
const END_ROOM = 128;
/** quiche's next timer, ms, where nothing that was sent waits to be acknowledged: that of an idle connection alone. */
const QUIET_MS = 1500;
/** ms that an end waits for room, and round trips. */
const END_WAIT = 500;
const WAIT_ROUND_TRIPS = 6;
/** How often an end is said again, and ms between at least. */
const REPEATS = 4;
const LEAST_INTERVAL = 6;
/** Packets of which more than one is lost where that is no rarity. */
const LOSSY = 2000;
/**
 * Round trips, and ms beside them, in which bytes are acknowledged or found lost: acknowledgements may be held back, and what is
 * lost is found by a probe (RFC 9002 section 6.2).
 */
const ROUND_TRIPS = 3;
const ACK_DELAY = 50;
const NOTHING = new Uint8Array(0);
/** How an end may be said: with bytes that have not left; alone, and nothing can take it away; alone, and once may not do. */
type Way = 'rides' | 'alone' | 'again';

interface Said {
  readonly id: number;
  readonly everyMs: number;
  left: number;
  at: number;
}

/** An end that waits. */
interface Waiting {
  /** Until when at most, ms. */
  readonly until: number;
  /** When what was sent before it should be acknowledged, ms, if no more packets are lost than `lost`. */
  settles: number;
  isSettled: boolean;
  lost: number;
}

/** What {@link StreamEnds} asks of its connection's path. */
export type Path = Pick<QuicStats, 'rtt' | 'packetsLost' | 'packetsSent'>;

function begun({ packetsLost, packetsSent, rtt }: Path, now: number): Waiting {
  return {
    until: now + END_WAIT + rtt * WAIT_ROUND_TRIPS,
    settles: now + rtt * ROUND_TRIPS + ACK_DELAY,
    isSettled: packetsLost * LOSSY <= packetsSent,
    lost: packetsLost,
  };
}

/** Whether an end has waited enough. */
function isOver(waiting: Waiting, { packetsLost, rtt }: Path, hasRoom: boolean, now: number): boolean {
  if (now >= waiting.until) return true;
  if (!waiting.isSettled && now < waiting.settles) return false;
  waiting.isSettled = packetsLost === waiting.lost;
  if (waiting.isSettled) return hasRoom;
  waiting.lost = packetsLost;
  waiting.settles = now + rtt * ROUND_TRIPS + ACK_DELAY;
  return false;
}

/**
 * Ends of streams that come without bytes. quiche 0.18 counts a stream as complete once its bytes are acknowledged and its end is
 * known, whether the end has arrived or not, and then forgets it. So an end is said
 * - with bytes of its stream that have not left yet: it goes with the last of them;
 * - or where all that was sent has been acknowledged: the next acknowledgement is its own;
 * - or where it can leave at once, in front of all others, and then again and again for about a round trip, or until quiche has
 *   forgotten the stream. Where packets are lost of late that waits until the bytes before should have been acknowledged: the
 *   end that is lost after them is sent again by quiche itself;
 * - or else when there is room, half a second later at most.
 */
export class StreamEnds {
  /** Streams that took bytes since the last packet left. */
  readonly #fresh: number[] = [];
  /** Bytes sent since quiche last reckoned what its window has room for. */
  #sentSince = 0;
  /** Streams whose end waits. */
  readonly #waiting = new Map<number, Waiting>();
  #said: Said[] = [];

  constructor(
    readonly native: NativeConnection,
    /** A stream that hardly uses its flow control, so that its capacity is that of the connection. */
    readonly gauge: number,
    readonly path: () => Path,
  ) {}

  /** When something has to be said, ms; Infinity: nothing has. */
  get due(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { until, settles, isSettled } of this.#waiting.values()) {
      due = Math.min(due, until, isSettled ? Number.POSITIVE_INFINITY : settles);
    }
    for (const { at } of this.#said) due = Math.min(due, at);
    return due;
  }

  /** A stream took bytes. */
  wrote(id: number): void {
    const fresh = this.#fresh;
    if (fresh.length === 0 || fresh[fresh.length - 1] !== id) fresh.push(id);
  }

  /** A packet left. */
  sent(bytes: number): void {
    this.#sentSince += bytes;
    if (this.#fresh.length > 0) this.#fresh.length = 0;
  }

  /** A packet came: quiche knows anew what is under way. */
  heard(): void {
    this.#sentSince = 0;
  }

  /** Whether the end of a stream may be said now; null: it waits, and is asked for again ({@link ready}). */
  way(id: number, now: number): Way | null {
    if (this.#fresh.includes(id)) return 'rides';
    const timeout = this.native.timeout();
    if (timeout === null || timeout > QUIET_MS) return 'alone';
    const path = this.path();
    const waiting = this.#waiting.get(id) ?? begun(path, now);
    if (isOver(waiting, path, this.#hasRoom(id), now)) return 'again';
    this.#waiting.set(id, waiting);
    return null;
  }

  /** Whether a small packet can leave now. Writing takes of the capacity too, so there is more rather than less. */
  #hasRoom(id: number): boolean {
    const capacity = this.#capacity(this.gauge) ?? this.#capacity(id);
    // Of a stream that is gone who says its end will hear.
    return capacity === null || capacity - this.#sentSince >= END_ROOM;
  }

  #capacity(id: number): number | null {
    try {
      return this.native.streamCapacity(id);
    } catch {
      return null;
    }
  }

  /** An end was said, and has left. Returns whether it was said once more, for the next packet. */
  said(id: number, way: Way, now: number): boolean {
    this.#waiting.delete(id);
    if (way !== 'again' || !this.#sayAgain(id)) return false;
    const everyMs = Math.max(LEAST_INTERVAL, this.path().rtt / REPEATS);
    this.#said.push({ id, everyMs, left: REPEATS, at: now + everyMs });
    return true;
  }

  /** It is not to be said any more. */
  forget(id: number): void {
    this.#waiting.delete(id);
  }

  /** Streams whose ends can be said now. */
  ready(now: number): number[] {
    const ready: number[] = [];
    const path = this.path();
    let hasRoom: boolean | undefined;
    for (const [id, waiting] of this.#waiting) {
      hasRoom ??= this.#hasRoom(id);
      if (isOver(waiting, path, hasRoom, now)) ready.push(id);
    }
    return ready;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Says again what is due. Returns whether there is something to send. */
  repeat(now: number): boolean {
    if (this.#said.length === 0) return false;
    let didSay = false;
    this.#said = this.#said.filter((said) => {
      if (now < said.at) return true;
      if (!this.#sayAgain(said.id)) return false;
      didSay = true;
      said.at = now + said.everyMs;
      return --said.left > 0;
    });
    return didSay;
  }

  #sayAgain(id: number): boolean {
    try {
      this.native.streamCapacity(id);
      this.native.streamSend(id, NOTHING, true);
      return true;
    } catch {
      // quiche is done with the stream: the end has arrived, or all hope is lost.
      return false;
    }
  }
}

import type { QuicStats } from '../engine.js';
import type { NativeConnection } from '../native.js';

/** Bytes of a congestion window that an end wants: of itself, of its likes, and of what is not known of the window. */
const END_ROOM = 1500;
/** quiche's next timer, ms, where nothing that was sent waits to be acknowledged: that of an idle connection alone. */
const QUIET_MS = 1500;
/** Round trips after which what is under way is probed for, at most (RFC 9002 section 6.2.1). */
const PROBE_ROUND_TRIPS = 4;
/** ms for which acknowledgements may be held back (RFC 9000 section 13.2.1), and a few more. */
const ACK_DELAY = 30;
/** ms that an end waits for room. */
const END_WAIT = 500;
/** How often an end is said again, how often in a round trip, and ms between at least: where packets are hardly lost, and else. */
const CLEAN = { repeats: 4, inRoundTrip: 4, least: 6 };
const LOSSY = { repeats: 12, inRoundTrip: 8, least: 3 };
/** Packets of which more than one is lost where that is no rarity. */
const RARE = 2000;
const NOTHING = new Uint8Array(0);
/** How an end may be said: with bytes that have not left; alone, and nothing can take it away; alone, and once may not do. */
type Way = 'rides' | 'alone' | 'again';

interface Said {
  readonly id: number;
  readonly everyMs: number;
  left: number;
  at: number;
}

/** What {@link StreamEnds} asks of its connection's path. */
export type Path = Pick<QuicStats, 'rtt' | 'packetsLost' | 'packetsSent'>;

/**
 * Ends of streams that come without bytes. quiche 0.18 counts a stream as complete once its bytes are acknowledged and its end is
 * known, whether the end has arrived or not, and then forgets it. So an end is said
 * - with bytes of its stream that have not left yet: it goes with the last of them;
 * - or where all that was sent has been acknowledged: the next acknowledgement is its own;
 * - or where it can leave at once, and nothing was lost in the last round trip: in front of all others, in two packets, and then
 *   again and again for about a round trip, or until quiche has forgotten the stream;
 * - or else when there is room, half a second later at most.
 */
export class StreamEnds {
  /** Packets that left. */
  packets = 0;
  /** Streams that took bytes since the last packet left. */
  readonly #fresh: number[] = [];
  /** Bytes sent since quiche last reckoned what its window has room for. */
  #sentSince = 0;
  #hasTimedOut = false;
  /** Packets that were lost, and when what was in the last of them should be acknowledged, ms; null: it should be. */
  #lost = 0;
  #settlesAt: number | null = null;
  /** Streams whose end waits for room, and until when at most, ms. */
  readonly #waiting = new Map<number, number>();
  #said: Said[] = [];

  constructor(
    readonly native: NativeConnection,
    /** A stream that hardly uses its flow control, so that its capacity is that of the connection. */
    readonly gauge: number,
    readonly path: () => Path,
    /** Sends a packet that has nothing to say (PING). Returns whether it left. */
    readonly probe: () => boolean,
  ) {}

  /** When something has to be said, ms; Infinity: nothing has. */
  get due(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const until of this.#waiting.values()) due = Math.min(due, until, this.#settlesAt ?? until);
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
    this.packets++;
    this.#sentSince += bytes;
    if (this.#fresh.length > 0) this.#fresh.length = 0;
  }

  /** A packet came: quiche knows anew what is under way. */
  heard(): void {
    this.#sentSince = 0;
    this.#hasTimedOut = false;
  }

  /** A timer ran out: quiche's next one may be for what is under way, however long it is. */
  timedOut(): void {
    this.#hasTimedOut = true;
  }

  /** Whether the end of a stream would go with bytes of it. */
  rides(id: number): boolean {
    return this.#fresh.includes(id);
  }

  /** Whether nothing waits to be acknowledged. */
  #isQuiet(): boolean {
    const timeout = this.native.timeout();
    if (timeout === null) return true;
    return timeout > QUIET_MS && !this.#hasTimedOut && this.path().rtt * PROBE_ROUND_TRIPS < QUIET_MS;
  }

  /**
   * Whether the end of a stream may be said now, all having been sent that can be. null: it waits, and its writer is to be told
   * when it may ({@link ready}).
   */
  way(id: number, now: number): Way | null {
    if (this.rides(id)) return 'rides';
    if (this.#isQuiet()) return 'alone';
    const until = this.#waiting.get(id);
    if (until !== undefined && now >= until) return 'again';
    if (this.#isSettled(now) && this.#hasRoom(id) && this.probe()) return 'again';
    if (until === undefined) this.#waiting.set(id, now + END_WAIT);
    return null;
  }

  /** Whether what was lost last, sent again at once, should have been acknowledged. */
  #isSettled(now: number): boolean {
    const { packetsLost, rtt } = this.path();
    if (packetsLost !== this.#lost) {
      this.#lost = packetsLost;
      this.#settlesAt = now + rtt + ACK_DELAY;
    }
    if (this.#settlesAt !== null && now >= this.#settlesAt) this.#settlesAt = null;
    return this.#settlesAt === null;
  }

  /**
   * Whether a small packet may be able to leave now. What was sent counts twice, as it does after a loss (RFC 6937), and what
   * was written counts. quiche reckons anew when an acknowledgement comes, not with each packet: there may be less.
   */
  #hasRoom(id: number): boolean {
    const capacity = this.#capacity(this.gauge) ?? this.#capacity(id);
    // Of a stream that is gone who says its end will hear.
    return capacity === null || capacity - 2 * this.#sentSince >= END_ROOM;
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
    const { rtt, packetsLost, packetsSent } = this.path();
    const { repeats, inRoundTrip, least } = packetsLost * RARE > packetsSent ? LOSSY : CLEAN;
    const everyMs = Math.max(least, rtt / inRoundTrip);
    this.#said.push({ id, everyMs, left: repeats, at: now + everyMs });
    return true;
  }

  /** It is not to be said any more. */
  forget(id: number): void {
    this.#waiting.delete(id);
  }

  /** Streams whose ends can be said now. */
  ready(now: number): number[] {
    const ready: number[] = [];
    let mayBe: boolean | undefined;
    for (const [id, until] of this.#waiting) {
      mayBe ??= this.#isSettled(now) && this.#hasRoom(id);
      if (mayBe || now >= until) ready.push(id);
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

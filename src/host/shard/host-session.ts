import { type PosturePolicy, SecurityPosture } from '../../adapt/security-posture.js';
import type { SocketSettings } from '../../adapt/settings.js';
import { AppError, type AppErrorName } from '../../control/codes.js';
import { PASS } from '../../core/layout.js';
import type { SessionTable } from '../../core/session-table.js';
import type { SessionClose, SessionHandler } from '../../http3/session.js';
import type { WebTransportStream } from '../../http3/stream.js';
import type { BehavioralProfile } from '../../profile/behavioral-profile.js';
import type { DatagramSendResult } from '../../quic/engine.js';
import { ControlSniffer, speaksControl } from '../control/control-stream.js';
import type { SealPolicy } from '../control/seal-policy.js';
import { type ControlShard, SessionControl } from '../control/session-control.js';
import type { SessionSeal } from '../control/session-seal.js';
import type { Wills } from '../functions/endpoints/will.js';
import type { HostFunction, SessionFunction } from '../functions/host-function.js';
import type { CallsUnderWay } from '../functions/invocation.js';
import type { Identity } from '../identity/identifier.js';
import type { TransportSession } from '../transport.js';
import { GatedStream } from './gated-stream.js';
import type { TokenWaiters } from './token-waiters.js';

/** What became of a datagram: 'over-limit' where the gate refused it. */
export type HostDatagramResult = DatagramSendResult | 'over-limit';

/** ms after which a peer that does not read is slow. */
const SLOW_MS = 2000;
/** Datagrams and streams that wait for a function. */
const MOST_HELD_DATAGRAMS = 32;
const MOST_HELD_STREAMS = 64;
/** ms that a session waits for the control stream that its address speaks of. */
const HELLO_MS = 2000;

/** What a session needs of its shard. */
export interface SessionShard extends ControlShard {
  readonly table: SessionTable;
  /** Streams that wait for tokens to be read, and to be written. */
  readonly readers: TokenWaiters;
  readonly writers: TokenWaiters;
  readonly posturePolicy: PosturePolicy;
  /** Of endpoints. */
  readonly calls: CallsUnderWay;
  readonly wills: Wills;
  sessionClosed(session: HostSession, close: SessionClose): void;
  /** A function threw; the session ends, the shard lives on. */
  functionFailed(session: HostSession, error: unknown): void;
  /** A call of an endpoint failed. */
  endpointFailed(client: string, functionId: string, code: AppErrorName, message: string): void;
  /** A datagram found nobody to take it. */
  undelivered(): void;
  /** The level of a session is to be looked at now. */
  review(session: HostSession): void;
}

/** Who waits for a session, and for nothing once it is over. */
export interface Waiting {
  giveUp(): void;
}

export interface SessionIdentity {
  /** Pseudonym of the client; never the identity itself. */
  client: string;
  by: Identity['by'];
  transport: 'http3' | 'tcp';
  peer: string;
  path: string;
}

/** What is known of a session when it opens. */
export interface SessionSetup {
  identity: SessionIdentity;
  functionId: string;
  settings: SocketSettings;
  profile: BehavioralProfile;
  variant: string | null;
  /** Its share where the shard is over capacity. */
  weight: number;
  /** Whether limits hold, or are only reckoned. */
  isEnforced: boolean;
  /** What was wrong with what the client showed of itself. */
  problem: AppErrorName | null;
  /** Of its function. */
  sealPolicy: SealPolicy | null;
}

/** A client's session in a shard: transport, gate and function joined. */
export class HostSession implements SessionHandler {
  readonly table: SessionTable;
  readonly query: URLSearchParams;
  readonly openedAt: number;
  readonly posture: SecurityPosture;
  identity: SessionIdentity;
  functionId: string;
  settings: SocketSettings;
  profile: BehavioralProfile;
  weight: number;
  isEnforced: boolean;
  /** Which of its function's variants answers it; null: the function's endpoint. */
  variant: string | null;
  control: SessionControl | null = null;
  sealPolicy: SealPolicy | null;
  /** How its messages are sealed; null: they are not. */
  seal: SessionSeal | null = null;
  /** It is still to say who it is, and gets no function before. */
  isProvisional: boolean;
  readonly waiting = new Set<Waiting>();
  /** Functions that the client defined. */
  defined = 0;
  /** How unusual it is of late, and in what. */
  risk = { value: 0, reason: '' };
  /** When a stream to the client was first found full, ms; null where none is. */
  fullSince: number | null = null;
  #wasSlow = false;
  /** Null while it waits for one. */
  #function: SessionFunction | null = null;
  /** What the client defined another in place of: their streams go on. */
  readonly #former: SessionFunction[] = [];
  #next: HostFunction | null = null;
  #heldDatagrams: Uint8Array[] = [];
  #heldStreams: GatedStream[] = [];
  #helloTimer: NodeJS.Timeout | undefined;

  constructor(
    readonly shard: SessionShard,
    readonly transport: TransportSession,
    /** Its name in the session table. */
    readonly handle: number,
    /** What others know it by, see {@link sessionId}. */
    readonly id: string,
    setup: SessionSetup,
    now: number,
  ) {
    this.table = shard.table;
    this.openedAt = now;
    this.identity = setup.identity;
    this.functionId = setup.functionId;
    this.settings = setup.settings;
    this.profile = setup.profile;
    this.weight = setup.weight;
    this.isEnforced = setup.isEnforced;
    this.sealPolicy = setup.sealPolicy;
    this.isProvisional = setup.problem === 'jwt-required';
    this.variant = setup.variant;
    this.posture = new SecurityPosture(shard.posturePolicy);
    this.query = new URLSearchParams(setup.identity.path.split('?')[1] ?? '');
    transport.handler = this;
  }

  /**
   * Hands the session to its function. The transport is accepted in between, so that onOpen can already send. A client whose
   * address says that it has a control stream (`?tgc=1`) is waited for; one without a function waits until it defines one.
   */
  start(hostFunction: HostFunction | null): void {
    this.#next = hostFunction;
    if (speaksControl(this.identity.path)) {
      this.#helloTimer = setTimeout(() => this.#begin(), HELLO_MS);
      this.transport.accept();
      return;
    }
    if (hostFunction === null) {
      this.transport.accept();
      return;
    }
    if (this.lacksSeal) {
      this.transport.accept();
      this.close(AppError['seal-required'], 'messages of this function have to be sealed');
      return;
    }
    this.#open(hostFunction);
    if (this.transport.state === 'closed') return;
    this.transport.accept();
    this.#guard(() => this.#function?.onOpen?.());
  }

  get isClosed(): boolean {
    return this.transport.state === 'closed';
  }

  /** Whether what comes goes to a function. */
  get hasFunction(): boolean {
    return this.#function !== null;
  }

  #open(hostFunction: HostFunction): void {
    this.#guard(() => {
      this.#function = hostFunction.open(this);
    });
  }

  /** The client has said who it is. */
  introduced(): void {
    clearTimeout(this.#helloTimer);
    this.#begin();
  }

  /** Whether what it sends would not be sealed though it has to be. */
  get lacksSeal(): boolean {
    return this.sealPolicy?.from === 0 && this.seal === null && this.isEnforced;
  }

  #begin(): void {
    const next = this.#next;
    if (this.#function !== null || this.transport.state === 'closed') return;
    if (this.isProvisional) {
      this.close(AppError['jwt-required'], 'no JWT came');
      return;
    }
    if (next === null) return;
    if (this.lacksSeal) {
      // The demand has a deadline of its own.
      if (this.control === null) this.close(AppError['seal-required'], 'messages of this function have to be sealed');
      return;
    }
    this.#open(next);
    this.#guard(() => this.#function?.onOpen?.());
    this.#release();
  }

  /** Another function from the next datagram and the next stream on. */
  switchTo(id: string, hostFunction: HostFunction, sealPolicy: SealPolicy | null): void {
    this.functionId = id;
    this.sealPolicy = sealPolicy;
    this.#next = hostFunction;
    if (this.#function === null) {
      this.#begin();
      return;
    }
    const former = this.#function;
    this.#open(hostFunction);
    if (this.#function !== former) this.#former.push(former);
    this.#guard(() => this.#function?.onOpen?.());
  }

  /** What waited for a function goes to it. */
  #release(): void {
    const [datagrams, streams] = [this.#heldDatagrams, this.#heldStreams];
    this.#heldDatagrams = [];
    this.#heldStreams = [];
    // Room in front, where an answer in place has its head.
    for (const datagram of datagrams) this.#deliver(datagram, 8, datagram.length);
    for (const stream of streams) {
      this.#present(stream);
      stream.resume();
    }
  }

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    if (this.table.core.datagramIn(this.handle, end - start, performance.now()) !== PASS) return;
    if (this.#function === null) this.#hold(bytes, start, end);
    else this.#deliver(bytes, start, end);
  }

  #deliver(bytes: Uint8Array, start: number, end: number): void {
    try {
      this.#function?.onDatagram?.(bytes, start, end);
    } catch (error) {
      this.shard.functionFailed(this, error);
    }
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    if (this.#heldDatagrams.length >= MOST_HELD_DATAGRAMS) {
      this.shard.undelivered();
      return;
    }
    const held = new Uint8Array(8 + end - start);
    held.set(bytes.subarray(start, end), 8);
    this.#heldDatagrams.push(held);
  }

  onStream(stream: WebTransportStream): void {
    const { core, events } = this.table;
    core.note(this.handle, events.streamsOpened, 1);
    if (!stream.bidirectional || this.control !== null) {
      this.#take(new GatedStream(this, stream));
      return;
    }
    const sniffer: ControlSniffer = new ControlSniffer(
      stream,
      () => {
        this.control = new SessionControl(this, this.shard, stream);
      },
      (seen) => {
        const gated = new GatedStream(this, stream, seen);
        this.#take(gated);
        if (!gated.isReadDone) gated.onReadable();
      },
    );
    void sniffer;
  }

  onStreamAbandoned(): void {
    const { core, events } = this.table;
    core.note(this.handle, events.streamsOpened, 1);
    core.note(this.handle, events.resets, 1);
  }

  #take(stream: GatedStream): void {
    if (this.#function !== null) {
      this.#present(stream);
      return;
    }
    if (this.#heldStreams.length >= MOST_HELD_STREAMS) {
      stream.stopSending(AppError['receive-overflow']);
      stream.reset(AppError['receive-overflow']);
      return;
    }
    stream.pause();
    this.#heldStreams.push(stream);
  }

  #present(stream: GatedStream): void {
    const { core, events } = this.table;
    this.#guard(() => {
      if (this.#function?.onStream === undefined) {
        core.note(this.handle, events.refusedOpens, 1);
        stream.stopSending(0);
        stream.reset(0);
      } else {
        this.#function.onStream(stream);
      }
    });
  }

  onStreamsAvailable(): void {
    this.#tellAll((each) => each.onStreamsAvailable?.());
  }

  onDraining(): void {}

  onClosed(close: SessionClose): void {
    clearTimeout(this.#helloTimer);
    for (const each of [...this.waiting]) each.giveUp();
    this.#tellAll((each) => each.onClose?.(close));
    this.shard.sessionClosed(this, close);
  }

  openStream(bidirectional: boolean): GatedStream | null {
    const stream = this.transport.openStream(bidirectional);
    return stream === null ? null : new GatedStream(this, stream);
  }

  sendDatagram(payload: Uint8Array): HostDatagramResult {
    if (!this.#mayLeave(payload.length)) return 'over-limit';
    return this.#sent(this.transport.sendDatagram(payload), payload.length);
  }

  /** As {@link TransportSession.sendDatagramInPlace}. */
  sendDatagramInPlace(bytes: Uint8Array, start: number, end: number): HostDatagramResult {
    if (!this.#mayLeave(end - start)) return 'over-limit';
    return this.#sent(this.transport.sendDatagramInPlace(bytes, start, end), end - start);
  }

  #mayLeave(bytes: number): boolean {
    return this.table.core.datagramOut(this.handle, bytes, performance.now()) === PASS;
  }

  #sent(result: DatagramSendResult, bytes: number): DatagramSendResult {
    if (result !== 'sent') {
      this.table.core.unsent(this.handle, bytes);
      // Its function made it so: nothing that counts against the client.
      if (result === 'too-big') {
        const message = `a datagram of ${bytes} bytes is too big for its connection`;
        this.shard.endpointFailed(this.identity.client, this.functionId, 'handler-failed', message);
      }
    }
    return result;
  }

  close(code = 0, reason = ''): void {
    this.transport.close(code, reason);
  }

  /** The client broke a protocol of ours. */
  noteMalformed(): void {
    if (this.transport.state !== 'closed') this.table.core.note(this.handle, this.table.events.malformed, 1);
  }

  /** The client sent a datagram that its function takes none of. */
  noteOversized(): void {
    this.table.core.note(this.handle, this.table.events.oversized, 1);
    this.shard.undelivered();
  }

  /** Its level is to be looked at now. */
  review(): void {
    if (this.transport.state !== 'closed') this.shard.review(this);
  }

  /** A full stream has room again. */
  wroteAgain(now: number): void {
    if (this.fullSince !== null && now - this.fullSince > SLOW_MS) this.#wasSlow = true;
    this.fullSince = null;
  }

  /** Whether the client did not read for a while since this was asked last. */
  takeSlow(now: number): boolean {
    const isSlow = this.#wasSlow || (this.fullSince !== null && now - this.fullSince > SLOW_MS);
    this.#wasSlow = false;
    return isSlow;
  }

  /** Tells its function, and those that were it before. */
  #tellAll(tell: (each: SessionFunction) => void): void {
    for (const former of this.#former) this.#guard(() => tell(former));
    const current = this.#function;
    if (current !== null) this.#guard(() => tell(current));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.shard.functionFailed(this, error);
    }
  }
}

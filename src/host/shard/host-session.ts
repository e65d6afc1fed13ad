import type { SocketSettings } from '../../adapt/settings.js';
import { PASS } from '../../core/layout.js';
import type { SessionTable } from '../../core/session-table.js';
import type { SessionClose, SessionHandler } from '../../http3/session.js';
import type { WebTransportStream } from '../../http3/stream.js';
import type { DatagramSendResult } from '../../quic/engine.js';
import type { HostFunction, SessionFunction } from '../functions/endpoint.js';
import type { TransportSession } from '../transport.js';
import { GatedStream } from './gated-stream.js';
import type { TokenWaiters } from './token-waiters.js';

/** What became of a datagram: 'over-limit' where the gate refused it. */
export type HostDatagramResult = DatagramSendResult | 'over-limit';

/** ms after which a peer that does not read is slow. */
const SLOW_MS = 2000;

/** What a session needs of its shard. */
export interface SessionShard {
  readonly table: SessionTable;
  /** Streams that wait for tokens to be read, and to be written. */
  readonly readers: TokenWaiters;
  readonly writers: TokenWaiters;
  sessionClosed(session: HostSession, close: SessionClose): void;
  /** A function threw; the session ends, the shard lives on. */
  functionFailed(session: HostSession, error: unknown): void;
}

export interface SessionIdentity {
  /** Pseudonym of the client; never the identity itself. */
  client: string;
  transport: 'http3' | 'tcp';
  peer: string;
  path: string;
}

/** A client's session in a shard: transport, gate and function joined. */
export class HostSession implements SessionHandler {
  readonly table: SessionTable;
  readonly query: URLSearchParams;
  readonly openedAt: number;
  /** When a stream to the client was first found full, ms; null where none is. */
  fullSince: number | null = null;
  #wasSlow = false;
  #function: SessionFunction = {};

  constructor(
    readonly shard: SessionShard,
    readonly transport: TransportSession,
    /** Its name in the session table. */
    readonly handle: number,
    /** Its share where the shard is over capacity. */
    readonly weight: number,
    readonly identity: SessionIdentity,
    readonly functionId: string,
    public settings: SocketSettings,
    now: number,
  ) {
    this.table = shard.table;
    this.openedAt = now;
    this.query = new URLSearchParams(identity.path.split('?')[1] ?? '');
    transport.handler = this;
  }

  /** Hands the session to its function. The transport is accepted in between, so that onOpen can already send. */
  start(hostFunction: HostFunction): void {
    this.#guard(() => {
      this.#function = hostFunction.open(this);
    });
    if (this.transport.state === 'closed') return;
    this.transport.accept();
    this.#guard(() => this.#function.onOpen?.());
  }

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    if (this.table.core.datagramIn(this.handle, end - start, performance.now()) !== PASS) return;
    try {
      this.#function.onDatagram?.(bytes, start, end);
    } catch (error) {
      this.shard.functionFailed(this, error);
    }
  }

  onStream(stream: WebTransportStream): void {
    const { core, events } = this.table;
    core.note(this.handle, events.streamsOpened, 1);
    const gated = new GatedStream(this, stream);
    this.#guard(() => {
      if (this.#function.onStream === undefined) {
        core.note(this.handle, events.refusedOpens, 1);
        stream.stopSending(0);
        stream.reset(0);
      } else {
        this.#function.onStream(gated);
      }
    });
  }

  onStreamsAvailable(): void {
    this.#guard(() => this.#function.onStreamsAvailable?.());
  }

  onDraining(): void {}

  onClosed(close: SessionClose): void {
    this.#guard(() => this.#function.onClose?.(close));
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
      if (result === 'too-big') this.table.core.note(this.handle, this.table.events.oversized, 1);
    }
    return result;
  }

  close(code = 0, reason = ''): void {
    this.transport.close(code, reason);
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

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.shard.functionFailed(this, error);
    }
  }
}

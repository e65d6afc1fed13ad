import { AppError } from '../../control/codes.js';
import type { SessionClose } from '../../http3/session.js';
import type { SealPolicy } from '../control/seal-policy.js';
import type { GatedStream } from '../shard/gated-stream.js';
import type { HostSession } from '../shard/host-session.js';
import type { CallStats } from './call-stats.js';
import { DatagramIntake } from './datagram-intake.js';
import { type Endpoint, EndpointError } from './endpoints/endpoint.js';
import type { CloseReason } from './handler.js';
import type { HostFunction, SessionFunction } from './host-function.js';
import { CallsUnderWay, type FailurePolicy, fail, type Invocation, invoke } from './invocation.js';
import type { BufferPool } from './receive/buffer-pool.js';
import type { CompiledCriteria } from './receive/compiled-criteria.js';
import { SessionFacade } from './session-facade.js';
import { StreamIntake } from './stream-intake.js';

/** Frames around a message, at most. */
const FRAME_BYTES = 256;

/** A function mapping: criteria and the endpoint that is invoked. */
export interface Mapping {
  readonly id: string;
  readonly criteria: CompiledCriteria;
  /** A reload puts others in their place. */
  endpoints: { base: Endpoint; variants: ReadonlyMap<string, Endpoint>; quarantine: Endpoint | null };
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly deadlineMs: number;
  readonly onError: FailurePolicy;
  /** Null: messages are not sealed. */
  readonly seal: SealPolicy | null;
  /** How it is called; clients' own functions share one. */
  readonly stats: CallStats;
}

/** A function that operators or clients define. */
export class MappedFunction implements HostFunction {
  constructor(
    readonly mapping: Mapping,
    readonly pool: BufferPool,
  ) {}

  get id(): string {
    return this.mapping.id;
  }

  open(session: HostSession): SessionFunction {
    return new MappedSession(this.mapping, session, this.pool);
  }
}

/** One session's use of a mapping: gathers what comes, and invokes the endpoint. */
export class MappedSession implements SessionFunction {
  readonly facade: SessionFacade;
  readonly #streams = new Set<StreamIntake>();
  readonly #datagrams: DatagramIntake;
  readonly #calls: CallsUnderWay;
  /** Its endpoint has been told of the open. */
  #isOpen = false;
  #isClosed = false;
  /** Which was told of the open, and what was left with the host then. */
  #opened: Endpoint | null = null;
  #will: number | null = null;

  constructor(
    readonly mapping: Mapping,
    readonly session: HostSession,
    readonly pool: BufferPool,
  ) {
    this.facade = new SessionFacade(session, mapping.id, mapping.parameters);
    this.#datagrams = new DatagramIntake(this);
    this.#calls = new CallsUnderWay(session.shard.calls);
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isClosed;
  }

  /** Bytes that may wait in all of the session's buffers; a message that may be has to fit. */
  get limit(): number {
    return Math.max(this.session.settings.bufferSize, this.mapping.criteria.receive.maxMessage + FRAME_BYTES);
  }

  get unread(): number {
    let bytes = this.#datagrams.length;
    if (this.#streams.size === 0) return bytes;
    for (const stream of this.#streams) bytes += stream.length;
    return bytes;
  }

  /** What is invoked now: the variant that was chosen, or where the client is quarantined its own. */
  get endpoint(): Endpoint {
    const { base, variants, quarantine } = this.mapping.endpoints;
    if (this.session.settings.securityLevel === 3 && this.session.isEnforced) {
      if (quarantine !== null) return quarantine;
      if (base.url !== null) throw new EndpointError('quarantined', 'quarantined clients reach no remote endpoint');
    }
    const { variant } = this.session;
    return variant === null ? base : (variants.get(variant) ?? base);
  }

  onOpen(): void {
    const opening: Invocation<SessionFacade, unknown> = {
      kind: 'open',
      call: (facade) => {
        this.#opened = this.endpoint;
        this.#leaveWill(this.#opened.url);
        return this.#opened.open(facade);
      },
      done: () => {
        this.#isOpen = true;
        for (const stream of [...this.#streams]) stream.pump();
        this.#datagrams.pump();
      },
      failed: (error) => {
        fail(this.session, this.mapping.id, 'session', error);
      },
    };
    this.#invoke(opening, this.facade, this.mapping.deadlineMs);
  }

  /** Should the shard die, another tells the endpoint that the session is over. */
  #leaveWill(url: string | null): void {
    if (url === null) return;
    const { id, client, functionId } = this.facade;
    this.#will = this.session.shard.wills.leave({ session: id, client, functionId, url });
  }

  #dropWill(): void {
    if (this.#will !== null) this.session.shard.wills.done(this.#will);
    this.#will = null;
  }

  /** Hands something on to the endpoint, within the function's deadline. */
  invoke<A, T>(invocation: Invocation<A, T>, about: A): void {
    this.#invoke(invocation, about, this.mapping.deadlineMs);
  }

  #invoke<A, T>(invocation: Invocation<A, T>, about: A, deadlineMs: number | null): void {
    invoke(invocation, about, deadlineMs, this.#calls, this.mapping.stats);
  }

  onDatagram(bytes: Uint8Array, start: number, end: number): void {
    this.#datagrams.add(bytes, start, end);
  }

  onStream(stream: GatedStream): void {
    this.#streams.add(new StreamIntake(this, stream));
  }

  /** A stream's last byte was handed on, or it was ended. */
  streamDone(stream: StreamIntake): void {
    this.#streams.delete(stream);
    // Others may have waited for its room.
    for (const other of this.#streams) other.pump();
  }

  /** No room is left, and nothing is about to be handed on: who holds most gives way, lest all wait for ever. */
  relieve(): void {
    if ([...this.#streams].some(({ isBusy, dueAt }) => isBusy || dueAt < Number.POSITIVE_INFINITY)) return;
    const [largest] = [...this.#streams].sort((a, b) => b.length - a.length);
    if (largest === undefined || largest.length === 0) return;
    this.session.shard.endpointFailed(
      this.session.identity.client,
      this.mapping.id,
      'receive-overflow',
      'criteria are not met within the buffer',
    );
    largest.abort(AppError['receive-overflow']);
  }

  onClose({ code, reason, by }: SessionClose): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.close();
    this.#datagrams.close();
    // The last that its endpoint hears of the session: what it was called for before is done.
    this.#calls.afterLast(() => this.#tellClose({ code, reason, by }));
  }

  #tellClose(reason: CloseReason): void {
    const endpoint = this.#closing;
    if (endpoint === null) return;
    const closing: Invocation<SessionFacade, unknown> = {
      kind: 'close',
      call: (facade) => endpoint.close(facade, reason),
      done: () => this.#dropWill(),
      failed: (error) => {
        this.#dropWill();
        fail(this.session, this.mapping.id, 'message', error);
      },
    };
    // A remote one is told until it has heard.
    this.#invoke(closing, this.facade, endpoint.url !== null ? null : this.mapping.deadlineMs);
  }

  /** Who is told of the close: who answers now, or where nobody does any more who was told of the open. */
  get #closing(): Endpoint | null {
    try {
      return this.endpoint;
    } catch {
      return this.#opened;
    }
  }
}

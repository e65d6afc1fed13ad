import { AppError } from '../control/codes.js';
import { CONTROL_VERSION } from '../control/frames.js';
import type { Definition, HostMessage, TellableSettings } from '../control/messages.js';
import { ClientSeal, type SealPins } from './client-seal.js';
import { connect, type Transports } from './connect.js';
import { ControlChannel } from './control-channel.js';
import { Emitter } from './emitter.js';
import { PACED_CHUNK, Pacer } from './pacer.js';
import { solve } from './proof.js';
import { defaultTokens, type TokenStore } from './token-store.js';

/** How a function is opened. */
export interface OpenOptions extends WebTransportOptions, Transports {
  /** A JSON Web Token, or what gives a fresh one: asked again where the host wants to see one that is newer. */
  jwt?: string | (() => string | Promise<string>);
  /** Where the host's token is kept by which this client is known again; null: nowhere. */
  tokens?: TokenStore | null;
  /** Whom messages may be sealed to. */
  pins?: SealPins;
  /** true: only with a function whose messages are all sealed to one of `pins`, whoever ends TLS. */
  sealed?: boolean;
  /** ms that it may take to open, 20,000 unless told; a `jwt` that is asked for has its own time before. */
  openWithinMs?: number;
  /** false: what is sent goes out at once, and the host drops the datagrams that are over the limit. */
  paced?: boolean;
}

/** As long as a browser takes to give up a handshake that nobody answers, and not so long as to be taken for broken. */
const OPEN_WITHIN_MS = 20_000;

/** A longer timer would run at once. */
const LONGEST_MS = 2 ** 31 - 1;
/** What came before the end, or before a seal was agreed on, may still be on its way to who reads it, ms. */
const LATE_MS = 500;

type Datagrams = WebTransportDatagramDuplexStream & { createWritable?(): WritableStream<Uint8Array> };

/** What happens in a session beside its data. */
export interface SessionEvents {
  /** Limits, buffer or level are other ones, with the reason. */
  settings: { settings: TellableSettings; reason: string };
  /** The host asked for a proof, or for sealed messages; it is answered by itself. */
  challenge: { reason: string };
  /** The answer was good; what is sent from now on is sealed, where that was the question. */
  passed: { id: string };
  /** The host refused something. */
  refused: { name: string; code: number; reason: string };
  /** In `inMs` the limits will be at least these, and may be no more. */
  limits: { rateLimit: number; burst: number; bufferSize: number; inMs: number; reason: string };
  /** The session ends for want of room: to be opened again after so long. */
  retry: { afterMs: number; reason: string };
  /** The host will be so full in one and five minutes; `pace` of what it wants is what a client may send. */
  capacity: { in1m: number; in5m: number; pace: number };
  /** The host closes: at the latest after `deadlineMs`. Without that the session may stay, and is better opened anew. */
  drain: { deadlineMs?: number; to?: string };
}

/** A host that did not do as the protocol says, or refused. */
export class SessionError extends Error {
  override readonly name = 'SessionError';

  constructor(
    /** As in docs/protocol.md. */
    readonly code: string,
    message: string,
    /** When the host wants to be asked again; null: it did not say. */
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
  }
}

/** A session of a function, set up for this client. `transport` is WebTransport as ever. */
export class FunctionSession extends Emitter<SessionEvents> {
  settings: TellableSettings;
  /** Share of what it wants that this client may send, by the host's forecast of its load: 1 where there is room. */
  pace = 1;
  readonly id: string;
  readonly #definitions = new Map<string, { resolve: () => void; reject: (error: Error) => void }>();
  readonly #over = new AbortController();
  /** What waits for something of the session. */
  readonly #pending = new Set<(error: Error) => void>();
  readonly #pacer = new Pacer();
  /** Offered to the host, and what is sent is sealed by: not before the host knows it. */
  #offer: ClientSeal | null = null;
  #seal: ClientSeal | null = null;
  /** Until when (`performance.now`) datagrams may come that are not sealed: they were sent before. */
  #plainUntil = Number.POSITIVE_INFINITY;
  #requests = 0;
  #isRetired = false;
  #datagramWriter: WritableStreamDefaultWriter<Uint8Array> | null = null;

  private constructor(
    readonly transport: WebTransport,
    /** @internal */
    readonly channel: ControlChannel,
    readonly options: OpenOptions,
    { session, settings }: Extract<HostMessage, { type: 'welcome' }>,
  ) {
    super();
    this.id = session;
    this.settings = settings;
    this.#keepPace();
    transport.closed.then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  /**
   * Opens a function: says who the client is, and resolves when the host has set up the socket. Rejects where the host can't
   * be reached, refuses, or says nothing for too long.
   */
  static async open(url: string | URL, options: OpenOptions = {}): Promise<FunctionSession> {
    const { jwt, openWithinMs = OPEN_WITHIN_MS } = options;
    // Before the host waits for it.
    const shownJwt = typeof jwt === 'function' ? await jwt() : jwt;
    const late = new AbortController();
    const { signal } = late;
    const opening = FunctionSession.#open(new URL(url), options, shownJwt, signal);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        late.abort();
        reject(new SessionError('no-welcome', `no welcome in ${openWithinMs} ms`));
      }, openWithinMs);
      opening.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  static async #open(
    target: URL,
    options: OpenOptions,
    shownJwt: string | undefined,
    signal: AbortSignal,
  ): Promise<FunctionSession> {
    const { tokens = defaultTokens, jwt, pins, sealed, openWithinMs: _, paced: __, ...known } = options;
    const { webTransport, fallback, fallbackAfterMs, ...rest } = known;
    // The function waits until the client has said who it is.
    target.searchParams.set('tgc', '1');
    const transport = await connect(target, rest, { webTransport, fallback, fallbackAfterMs }, signal);
    if (transport === undefined) {
      throw new SessionError('no-transport', 'no WebTransport, no fallback');
    }
    let channel: ControlChannel;
    try {
      channel = new ControlChannel(await transport.createBidirectionalStream());
    } catch {
      // Let in and let go at once: its end says why.
      throw await refusal(transport, undefined);
    }
    channel.send({
      type: 'hello',
      version: CONTROL_VERSION,
      abilities: [
        'pow',
        ...(jwt === undefined ? [] : (['jwt'] as const)),
        ...(pins === undefined ? [] : (['seal'] as const)),
      ],
      // What is not there is not said.
      token: tokens?.load(target.host) ?? undefined,
      jwt: shownJwt,
    });
    const messages = channel.messages();
    const next = async <T extends HostMessage['type']>(type: T): Promise<Extract<HostMessage, { type: T }>> => {
      const { value } = await messages.next().catch(() => ({ value: undefined }));
      if (value?.type !== type) throw await refusal(transport, value);
      return value as Extract<HostMessage, { type: T }>;
    };
    const welcome = await next('welcome');
    if (welcome.token !== undefined) tokens?.save(target.host, welcome.token);
    const session = new FunctionSession(transport, channel, options, welcome);
    if (welcome.seal) {
      await session.#agree(await next('seal'));
      session.#seal = session.#offer;
      session.#plainUntil = 0;
    }
    if ((welcome.seal || sealed) && !session.isSealed) {
      session.close();
      throw new SessionError('unsealed', 'no pinned reader');
    }
    // It throws where the session is over: `transport.closed` tells why.
    session.#listen(messages).catch(() => {});
    return session;
  }

  /** Sends no faster than the host allows, and than it asks for where it is about to be full. */
  #keepPace(): void {
    const { rateLimit, burst, mode } = this.settings;
    if (mode === 'enforce' && this.options.paced !== false) this.#pacer.set(rateLimit * this.pace, burst * this.pace);
    else this.#pacer.set();
  }

  async #turn(bytes: number): Promise<void> {
    const wait = this.#pacer.take(bytes);
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(wait, LONGEST_MS)));
  }

  async #listen(messages: AsyncGenerator<HostMessage>): Promise<void> {
    for await (const message of messages) await this.#take(message);
  }

  async #take(message: HostMessage): Promise<void> {
    switch (message.type) {
      case 'defined':
        this.#definitions.get(message.id)?.resolve();
        this.#definitions.delete(message.id);
        return;
      case 'challenge':
      case 'seal':
        this.emit('challenge', message);
        if (message.type === 'seal') await this.#agree(message);
        // Not awaited: a search takes a while, and limits may change meanwhile. Without an answer the host does what it will.
        else this.#answer(message).catch(() => {});
        return;
      case 'error':
        if (message.about !== undefined) {
          this.#definitions.get(message.about)?.reject(new SessionError(message.name, message.reason));
          this.#definitions.delete(message.about);
        }
        this.emit('refused', message);
        return;
      case 'settings':
        this.settings = message.settings;
        this.#keepPace();
        break;
      case 'capacity':
        this.pace = message.pace;
        this.#keepPace();
        break;
      case 'passed':
        if (message.id === this.#offer?.id) {
          this.#seal = this.#offer;
          this.#plainUntil = Math.min(this.#plainUntil, performance.now() + LATE_MS);
        }
        break;
      case 'welcome':
        return;
    }
    this.emit(message.type, message);
  }

  async #answer({ id, pow, jwt, deadlineMs }: Extract<HostMessage, { type: 'challenge' }>): Promise<void> {
    const given = this.options.jwt;
    if (jwt && typeof given === 'function') {
      const fresh = await Promise.resolve(given()).catch(() => null);
      if (fresh !== null) return this.channel.send({ type: 'answer', id, jwt: fresh });
    }
    if (pow === undefined) return;
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(Math.min(deadlineMs, LONGEST_MS))]);
    const nonce = await solve(id, pow.bits, signal);
    if (nonce !== null) this.channel.send({ type: 'answer', id, nonce });
  }

  async #agree(message: Extract<HostMessage, { type: 'seal' }>): Promise<void> {
    this.#offer = await ClientSeal.agree(message, this.id, this.options.pins ?? {}).catch(() => null);
    if (this.#offer !== null) this.channel.send({ type: 'sealed', id: message.id, key: this.#offer.key });
    // Somebody in between may want to read along.
    else this.close(0, 'no pinned reader');
  }

  /** Whether what is sent is sealed from now on. */
  get isSealed(): boolean {
    return this.#seal !== null;
  }

  /** Defines a function of this session's own. Rejects with what the host says against it. */
  async define(definition: Definition): Promise<void> {
    if (this.#over.signal.aborted) throw new SessionError('closed', 'the session is over');
    if (this.#definitions.has(definition.id)) throw new SessionError('define-refused', 'it is being defined');
    this.channel.send({ type: 'define', ...definition });
    await this.#untilOver(
      new Promise<void>((resolve, reject) => this.#definitions.set(definition.id, { resolve, reject })),
    );
  }

  /** Resolves when the datagram is on its way: at once, or when the limits allow it. */
  async sendDatagram(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#turn(bytes.length);
    // Older drafts have one stream to write to, newer ones make them.
    const datagrams: Datagrams = this.transport.datagrams;
    this.#datagramWriter ??= (datagrams.createWritable?.() ?? datagrams.writable).getWriter();
    await this.#datagramWriter.write(this.#seal === null ? bytes : await this.#seal.datagram(bytes));
  }

  /** Datagrams as they come, opened where they are sealed. Ends, or throws, when the session does. */
  async *datagrams(): AsyncGenerator<Uint8Array> {
    const reader = this.transport.datagrams.readable.getReader();
    try {
      for (;;) {
        const { done, value } = await this.#untilOver(reader.read());
        if (done) return;
        // The host seals from when it has the offer on.
        const opened = await this.#offer?.openDatagram(value);
        if (opened) yield opened;
        else if (performance.now() < this.#plainUntil) yield value;
      }
    } finally {
      reader.releaseLock();
    }
  }

  /** Sends a message on a stream of its own and resolves with the whole answer. Rejects where the session ends before. */
  async request(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    this.#requests++;
    try {
      return await this.#untilOver(this.#ask(message));
    } finally {
      this.#requests--;
      if (this.#isRetired) this.retire();
    }
  }

  /** Rejects a while after the session is over: not all transports end their streams (the fallback's, once it drained). */
  #untilOver<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      work.then(resolve, reject).then(() => this.#pending.delete(reject));
    });
  }

  async #ask(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const seal = this.#seal;
    const { readable, writable } = await this.transport.createBidirectionalStream();
    const writer = writable.getWriter();
    const sent = (async () => {
      const sealed = seal === null ? message : await seal.stream(message);
      // Over the limit a stream waits and loses nothing: only where the host is full does the client hold back itself.
      let at = 0;
      for (; this.pace < 1 && at + PACED_CHUNK < sealed.length; at += PACED_CHUNK) {
        await this.#turn(PACED_CHUNK);
        await writer.write(sealed.subarray(at, at + PACED_CHUNK));
      }
      await writer.write(sealed.subarray(at));
      await writer.close();
    })();
    return (await Promise.all([whole(readable, seal), sent]))[0];
  }

  /** What comes on a stream that the host opened, to its end; opened where it is sealed. */
  async read(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
    return await this.#untilOver(whole(readable, this.#seal));
  }

  /** Closes when the requests that are under way have been answered. */
  retire(): void {
    this.#isRetired = true;
    if (this.#requests === 0) this.close();
  }

  close(code = 0, reason = ''): void {
    this.transport.close({ closeCode: code, reason });
  }

  #end(): void {
    this.#over.abort();
    setTimeout(() => {
      for (const reject of this.#pending) reject(new SessionError('closed', 'the session is over'));
    }, LATE_MS);
  }
}

/** All that comes on a stream; opened where it has to be sealed. */
async function whole(readable: ReadableStream<Uint8Array>, seal: ClientSeal | null): Promise<Uint8Array> {
  const bytes = new Uint8Array(await new Response(readable).arrayBuffer());
  return seal === null ? bytes : await seal.openStream(bytes);
}

/** Why there was no welcome. */
async function refusal(transport: WebTransport, first: HostMessage | undefined): Promise<SessionError> {
  // What was said on the stream may be lost where the session ends behind it.
  if (first === undefined) return endOf(await transport.closed.catch(() => ({})));
  transport.close();
  if (first.type === 'error') return new SessionError(first.name, first.reason);
  return new SessionError('no-welcome', `no welcome, but ${first.type}`);
}

/** How a session ended, as an error. */
export function endOf({ closeCode = 0, reason = '' }: WebTransportCloseInfo): SessionError {
  const [name] = Object.entries(AppError).find(([, code]) => code === closeCode) ?? ['no-welcome'];
  const after = name === 'retry-later' && /\d+/.exec(reason);
  return new SessionError(name, reason || 'no welcome', after ? Number(after) : null);
}

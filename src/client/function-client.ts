import type { AppErrorName } from '../control/codes.js';
import { Emitter } from './emitter.js';
import { endOf, FunctionSession, type OpenOptions, SessionError } from './function-session.js';

/** How a function is kept open. */
export interface ClientOptions extends OpenOptions {
  /** Called with each session before it is used: to define functions, or to say something first. */
  prepare?: (session: FunctionSession) => void | Promise<void>;
  /** ms of the first wait between two attempts; it doubles up to `mostWaitMs`. A random part of it is waited. */
  firstWaitMs?: number;
  mostWaitMs?: number;
}

/** What happens to the connection. */
export interface ClientEvents {
  /** A session is there: the first, one after a break, or the one that the host's drain made the client move to. */
  session: FunctionSession;
  /** There is none; the next attempt is in `waitMs`. */
  down: { error: Error; waitMs: number };
  /** The host said something that asking again won't change; the client is closed. */
  failed: Error;
}

/** What asking again won't change. */
const FINAL: ReadonlySet<string> = new Set<AppErrorName | 'no-transport'>([
  'no-transport',
  'function-unknown',
  'function-refused',
  'version-unknown',
  'jwt-invalid',
  'jwt-required',
  'seal-required',
  'unsealed',
]);

/** As long as a host may ask to be left alone. */
const MOST_ASKED_MS = 600_000;

/**
 * A function that stays open: where its session breaks, another is opened, after a jittered exponential back-off (Brooker
 * 2015, full jitter) or when the host wants it; where the host drains, the client moves before it is closed. The client's
 * identity goes along with its token.
 */
export class FunctionClient extends Emitter<ClientEvents> {
  #session: FunctionSession | null = null;
  #waiting: { resolve: (session: FunctionSession) => void; reject: (error: Error) => void }[] = [];
  #failed: Error | null = null;
  #failures = 0;
  /** When the session began. */
  #since = 0;
  /** Where a host that drains said to go; null: where this client was opened. */
  #elsewhere: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    readonly url: string | URL,
    readonly options: ClientOptions,
  ) {
    super();
  }

  /** Begins to connect. */
  static open(url: string | URL, options: ClientOptions = {}): FunctionClient {
    const client = new FunctionClient(url, options);
    void client.#connect();
    return client;
  }

  /** The session that there is, or the next one. Rejects where there will be none. */
  async session(): Promise<FunctionSession> {
    if (this.#failed !== null) throw this.#failed;
    return this.#session ?? (await new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
  }

  async #connect(): Promise<void> {
    let session: FunctionSession | null = null;
    try {
      session = await FunctionSession.open(this.#address, this.options);
      await this.options.prepare?.(session);
      if (this.#failed === null) this.#take(session);
      else session.close();
    } catch (error) {
      session?.close();
      this.#elsewhere = null;
      this.#down(error as Error);
    }
  }

  get #address(): URL {
    const { pathname, search, origin } = new URL(this.url);
    return new URL(pathname + search, this.#elsewhere ?? origin);
  }

  #take(session: FunctionSession): void {
    const before = this.#session;
    this.#session = session;
    this.#since = performance.now();
    session.on('drain', ({ to }) => {
      if (this.#session !== session) return;
      this.#elsewhere = to ?? this.#elsewhere;
      // The next is opened first; the old one goes when its requests had time to end, or by the host.
      this.#timer = setTimeout(() => void this.#connect(), Math.random() * this.#first);
    });
    session.transport.closed.then(
      (info) => this.#ended(session, endOf(info)),
      (error: Error) => this.#ended(session, error),
    );
    for (const { resolve } of this.#waiting.splice(0)) resolve(session);
    this.emit('session', session);
    before?.retire();
  }

  #ended(session: FunctionSession, error: Error): void {
    if (this.#session !== session) return;
    this.#session = null;
    // One that ends as soon as it is there is a failure too.
    if (performance.now() - this.#since > this.#first) this.#failures = 0;
    this.#down(error);
  }

  get #first(): number {
    return this.options.firstWaitMs ?? 500;
  }

  #down(error: Error): void {
    if (this.#failed !== null) return;
    if (error instanceof SessionError && FINAL.has(error.code)) {
      this.#end(error);
      this.emit('failed', error);
      return;
    }
    // While it moves the old one serves on.
    const most = Math.min(this.options.mostWaitMs ?? 30_000, this.#first * 2 ** this.#failures++);
    const asked = error instanceof SessionError ? error.retryAfterMs : null;
    const waitMs = Math.min(asked ?? Math.random() * most, MOST_ASKED_MS);
    if (this.#session === null) this.emit('down', { error, waitMs });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect(), waitMs);
  }

  #end(error: Error): void {
    this.#failed = error;
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** As {@link FunctionSession.sendDatagram}, on the session that there is, or the next. */
  async sendDatagram(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await (await this.session()).sendDatagram(bytes);
  }

  /** As {@link FunctionSession.request}. One that a break cuts off rejects: it may have been carried out. */
  async request(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    return await (await this.session()).request(message);
  }

  /** Datagrams of all sessions, until the client is closed. */
  async *datagrams(): AsyncGenerator<Uint8Array> {
    while (this.#failed === null) {
      const session = await this.session().catch(() => null);
      if (session === null) return;
      try {
        yield* session.datagrams();
      } catch {
        // The next session brings the next ones.
      }
      if (this.#session === session) await session.transport.closed.catch(() => {});
    }
  }

  close(code = 0, reason = ''): void {
    this.#end(new SessionError('closed', 'the client was closed'));
    this.#session?.close(code, reason);
    this.#session = null;
  }
}

import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  decorrelatedJitterGenerator,
  ExponentialBackoff,
  handleWhen,
  type IPolicy,
  retry,
  wrap,
} from 'cockatiel';
import { Agent, type Dispatcher, request } from 'undici';
import type { CloseReason, Delivery, FunctionSession, Reply } from '../handler.js';
import type { AddressGuard } from './address-guard.js';
import { CallTurns } from './call-turns.js';
import { type Endpoint, EndpointError } from './endpoint.js';

/** How a remote endpoint is called. */
export interface RemoteOptions {
  url: string;
  timeoutMs: number;
  /** After so long nobody waits for a call, and no more is tried. */
  deadlineMs: number;
  /** Tries beside the first. */
  retries: number;
  /** Calls on the way at once, and calls that wait for their turn. Clients take turns. */
  inFlight: number;
  queue: number;
  /** Failures in a row after which nothing is tried for `breakMs`. */
  breakAfter: number;
  breakMs: number;
  /** Longest reply, bytes. */
  maxReply: number;
}

const CONNECT_TIMEOUT_MS = 3000;
const KEEP_ALIVE_MS = 10_000;
const FIRST_RETRY_MS = 50;
const MOST_RETRY_MS = 2000;

/** Closes that are told at once; that wait in all of a shard, beyond which each is tried as a call is; and for how long, ms. */
const CLOSES_AT_ONCE = 32;
const MOST_CLOSES = 4096;
const CLOSE_MS = 60_000;
const CLOSE_AGAIN_MS = 1000;

/** What the remote endpoints of a shard share. A reload changes it under them. */
export class RemoteRules {
  /** Connections that were made under an earlier one are not used again. */
  version = 0;
  /** Closes that wait to be heard. */
  closes = 0;

  constructor(
    public guard: AddressGuard,
    public key: Uint8Array,
  ) {}

  change(guard: AddressGuard, key: Uint8Array): void {
    this.guard = guard;
    this.key = key;
    this.version++;
  }
}

/** What calls say of the session that they are about. */
type NamedSession = Pick<FunctionSession, 'id' | 'client' | 'functionId' | 'sealKey'>;

/** A call that may go well another time. */
class Passing extends Error {
  /** Whether it counts against the endpoint. */
  counts = true;

  constructor(
    message: string,
    /** The endpoint was reached: it may be what it was sent that it fails at. */
    readonly wasReached: boolean,
  ) {
    super(message);
  }
}

/** Why a connection was not made. */
const NOT_REACHED: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * What signs a call: HMAC-SHA-256 of time, delivery and body, under the host's endpoint key. Who gets a call checks it, and
 * knows a delivery that comes again by its number.
 */
export function signature(key: Uint8Array, timestamp: string, delivery: string, body: Uint8Array): string {
  return createHmac('sha256', key).update(`${timestamp}.${delivery}.`).update(body).digest('hex');
}

/** An endpoint over HTTP(S): a POST for each event, its body what came, the answer's body a reply. */
export class RemoteEndpoint implements Endpoint {
  #agent: Agent;
  /** Of the rules under which it connects. */
  #version: number;
  readonly #policy: IPolicy;
  readonly #turns: CallTurns;
  /** Clients whose calls it failed at since one went well: one client's messages must not shut it for the others. */
  readonly #failedAt = new Set<string>();
  readonly #closes = new CallTurns(CLOSES_AT_ONCE, MOST_CLOSES);
  readonly #breaker: CircuitBreakerPolicy;
  readonly #url: URL;

  constructor(
    readonly options: RemoteOptions,
    readonly rules: RemoteRules,
  ) {
    this.#url = new URL(options.url);
    this.#version = rules.version;
    this.#agent = this.#connections();
    const passing = handleWhen((error) => error instanceof Passing);
    const counting = handleWhen((error) => error instanceof Passing && error.counts);
    this.#breaker = circuitBreaker(counting, {
      halfOpenAfter: options.breakMs,
      breaker: new ConsecutiveBreaker(options.breakAfter),
    });
    const again = retry(passing, {
      maxAttempts: options.retries,
      backoff: new ExponentialBackoff({
        initialDelay: FIRST_RETRY_MS,
        maxDelay: MOST_RETRY_MS,
        generator: decorrelatedJitterGenerator,
      }),
    });
    this.#policy = wrap(again, this.#breaker);
    this.#turns = new CallTurns(options.inFlight, options.queue);
  }

  #connections(): Agent {
    const { options, rules } = this;
    return new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: rules.guard.lookup },
      connections: options.inFlight,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      maxResponseSize: options.maxReply,
    });
  }

  /** Connections under the rules of now. Those under earlier ones end when their calls have, and nobody uses them. */
  get #dispatcher(): Agent {
    if (this.#version !== this.rules.version) {
      this.#version = this.rules.version;
      this.#agent = this.#connections();
    }
    return this.#agent;
  }

  get url(): string {
    return this.options.url;
  }

  /** Whether calls are left out at present. */
  get isBroken(): boolean {
    return this.#breaker.state === CircuitState.Open;
  }

  async open(session: FunctionSession): Promise<void> {
    await this.#call(this.#headers('open', session, {}), new Uint8Array(0), this.options.deadlineMs);
  }

  async data(delivery: Delivery, session: FunctionSession): Promise<Reply> {
    const { kind, ended, bytes, lengths, sealed } = delivery;
    const headers = this.#headers('data', session, {
      'tidegate-kind': kind,
      'tidegate-ended': String(ended),
      // Datagrams stand one behind the other: only so can they be told apart.
      ...(kind === 'datagram' ? { 'tidegate-lengths': lengths.join(',') } : {}),
      ...(sealed === null ? {} : { 'tidegate-sealed': `${sealed.unit},${sealed.record}` }),
    });
    return await this.#call(headers, bytes, this.options.deadlineMs);
  }

  /**
   * Nobody else tells who is there that a session is over: a close for which there is no room, or that finds nobody, is told
   * again for a minute, under the same number.
   */
  async close(session: NamedSession, { code, reason, by }: CloseReason): Promise<void> {
    const { rules } = this;
    const body = Buffer.from(JSON.stringify({ code, reason, by }));
    // Another shard may tell of it too, where this one dies: whoever does, it is the same delivery.
    const delivery = `${session.id}-close-${session.functionId}`;
    const headers = this.#headers('close', session, { 'tidegate-delivery': delivery });
    if (rules.closes >= MOST_CLOSES) {
      await this.#call(headers, body, CLOSE_MS);
      return;
    }
    const until = performance.now() + CLOSE_MS;
    rules.closes++;
    try {
      await this.#closes.run(session.client, Number.POSITIVE_INFINITY, () => this.#tell(headers, body, until));
    } finally {
      rules.closes--;
    }
  }

  async #tell(headers: Record<string, string>, body: Uint8Array, until: number): Promise<void> {
    for (;;) {
      try {
        await this.#call(headers, body, CLOSE_MS);
        return;
      } catch (error) {
        if (!(error as EndpointError).isPassing || performance.now() >= until) throw error;
      }
      await sleep(CLOSE_AGAIN_MS * (0.5 + Math.random()), undefined, { ref: false });
    }
  }

  #headers(
    event: 'open' | 'data' | 'close',
    session: NamedSession,
    more: Record<string, string>,
  ): Record<string, string> {
    return {
      'content-type': event === 'close' ? 'application/json' : 'application/octet-stream',
      'tidegate-event': event,
      // The same for all tries: it may arrive twice.
      'tidegate-delivery': randomUUID(),
      'tidegate-function': session.functionId,
      'tidegate-client': session.client,
      'tidegate-session': session.id,
      ...(session.sealKey === null ? {} : { 'tidegate-seal-key': session.sealKey }),
      ...more,
    };
  }

  /** @param forMs how long somebody waits for it */
  async #call(headers: Record<string, string>, body: Uint8Array, forMs: number): Promise<Reply> {
    const objection = this.rules.guard.objectionTo(this.#url);
    if (objection !== null) throw new EndpointError('endpoint-refused', objection);
    const until = performance.now() + forMs;
    try {
      return await this.#turns.run(headers['tidegate-client'], until, () =>
        this.#policy.execute(() => this.#try(headers, body, until)),
      );
    } catch (error) {
      if (error instanceof EndpointError) throw error;
      const message = error instanceof BrokenCircuitError ? 'it failed too often' : (error as Error).message;
      throw new EndpointError('endpoint-unreachable', message, true);
    }
  }

  async #try(headers: Record<string, string>, body: Uint8Array, until: number): Promise<Reply> {
    if (performance.now() >= until) throw new EndpointError('endpoint-unreachable', 'its time is over');
    const timestamp = String(Date.now());
    const signed = signature(this.rules.key, timestamp, headers['tidegate-delivery'], body);
    try {
      const reply = await this.#post(body, {
        ...headers,
        'tidegate-timestamp': timestamp,
        'tidegate-signature': `v1=${signed}`,
      });
      this.#failedAt.clear();
      return reply;
    } catch (error) {
      if (error instanceof Passing && error.wasReached) {
        const client = headers['tidegate-client'];
        error.counts = !this.#failedAt.has(client);
        this.#failedAt.add(client);
      }
      throw error;
    }
  }

  async #post(body: Uint8Array, headers: Record<string, string>): Promise<Reply> {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(this.#url, {
        dispatcher: this.#dispatcher,
        method: 'POST',
        body,
        headers,
        signal: AbortSignal.timeout(this.options.timeoutMs),
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'TIDEGATE_E_ENDPOINT') throw new EndpointError('endpoint-refused', message);
      throw new Passing(message, !NOT_REACHED.has(code));
    }
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode <= 299) return await this.#reply(response);
    await response.body.dump().catch(() => {});
    if (statusCode >= 500 || statusCode === 429 || statusCode === 408)
      throw new Passing(`status ${statusCode}`, statusCode >= 500);
    // A redirect is not followed: it may lead where no endpoint is to be.
    throw new EndpointError('endpoint-unreachable', `status ${statusCode}`);
  }

  async #reply(response: Dispatcher.ResponseData): Promise<Reply> {
    try {
      const bytes = new Uint8Array(await response.body.arrayBuffer());
      return bytes.length === 0 ? undefined : bytes;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
        throw new EndpointError('handler-rubbish', `the reply is longer than ${this.options.maxReply} bytes`);
      }
      throw new Passing((error as Error).message, true);
    }
  }

  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }
}

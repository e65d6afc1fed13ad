import { createHmac, randomUUID } from 'node:crypto';
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
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
import { type Endpoint, EndpointError } from './endpoint.js';

/** How a remote endpoint is called. */
export interface RemoteOptions {
  url: string;
  timeoutMs: number;
  /** Tries beside the first. */
  retries: number;
  /** Calls on the way at once, and calls that wait for their turn. */
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

/** A call that may go well another time. */
class Passing extends Error {}

/**
 * What signs a call: HMAC-SHA-256 of time, delivery and body, under the host's endpoint key. Who gets a call checks it, and
 * knows a delivery that comes again by its number.
 */
export function signature(key: Uint8Array, timestamp: string, delivery: string, body: Uint8Array): string {
  return createHmac('sha256', key).update(`${timestamp}.${delivery}.`).update(body).digest('hex');
}

/** An endpoint over HTTP(S): a POST for each event, its body what came, the answer's body a reply. */
export class RemoteEndpoint implements Endpoint {
  readonly isRemote = true;
  readonly #agent: Agent;
  readonly #policy: IPolicy;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #url: URL;

  constructor(
    readonly options: RemoteOptions,
    readonly guard: AddressGuard,
    readonly key: Uint8Array,
  ) {
    this.#url = new URL(options.url);
    this.#agent = new Agent({
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: guard.lookup },
      connections: options.inFlight,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      maxResponseSize: options.maxReply,
    });
    const passing = handleWhen((error) => error instanceof Passing);
    this.#breaker = circuitBreaker(passing, {
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
    this.#policy = wrap(bulkhead(options.inFlight, options.queue), again, this.#breaker);
  }

  /** Whether calls are tried at present. */
  get isBroken(): boolean {
    return this.#breaker.state === CircuitState.Open;
  }

  async open(session: FunctionSession): Promise<void> {
    await this.#call('open', session, new Uint8Array(0), {});
  }

  async data(delivery: Delivery, session: FunctionSession): Promise<Reply> {
    const { kind, ended, bytes, lengths, sealed } = delivery;
    return await this.#call('data', session, bytes, {
      'tidegate-kind': kind,
      'tidegate-ended': String(ended),
      // Datagrams stand one behind the other: only so can they be told apart.
      ...(kind === 'datagram' ? { 'tidegate-lengths': lengths.join(',') } : {}),
      ...(sealed === null ? {} : { 'tidegate-sealed': `${sealed.unit},${sealed.record}` }),
    });
  }

  async close(session: FunctionSession, { code, reason, by }: CloseReason): Promise<void> {
    const body = Buffer.from(JSON.stringify({ code, reason, by }));
    await this.#call('close', session, body, {});
  }

  async #call(
    event: 'open' | 'data' | 'close',
    session: FunctionSession,
    body: Uint8Array,
    more: Record<string, string>,
  ): Promise<Reply> {
    const objection = this.guard.objectionTo(this.#url);
    if (objection !== null) throw new EndpointError('endpoint-refused', objection);
    // The same for all tries: it may arrive twice.
    const delivery = randomUUID();
    try {
      return await this.#policy.execute(async () => {
        const timestamp = String(Date.now());
        return await this.#post(body, {
          'content-type': event === 'close' ? 'application/json' : 'application/octet-stream',
          'tidegate-event': event,
          'tidegate-delivery': delivery,
          'tidegate-function': session.functionId,
          'tidegate-client': session.client,
          'tidegate-session': session.id,
          ...(session.sealKey === null ? {} : { 'tidegate-seal-key': session.sealKey }),
          'tidegate-timestamp': timestamp,
          'tidegate-signature': `v1=${signature(this.key, timestamp, delivery, body)}`,
          ...more,
        });
      });
    } catch (error) {
      if (error instanceof EndpointError) throw error;
      if (error instanceof BulkheadRejectedError)
        throw new EndpointError('endpoint-unreachable', 'too many calls wait');
      if (error instanceof BrokenCircuitError) throw new EndpointError('endpoint-unreachable', 'it failed too often');
      throw new EndpointError('endpoint-unreachable', (error as Error).message);
    }
  }

  async #post(body: Uint8Array, headers: Record<string, string>): Promise<Reply> {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(this.#url, {
        dispatcher: this.#agent,
        method: 'POST',
        body,
        headers,
        signal: AbortSignal.timeout(this.options.timeoutMs),
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'TIDEGATE_E_ENDPOINT') throw new EndpointError('endpoint-refused', message);
      throw new Passing(message);
    }
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode <= 299) return await this.#reply(response);
    await response.body.dump().catch(() => {});
    if (statusCode >= 500 || statusCode === 429 || statusCode === 408) throw new Passing(`status ${statusCode}`);
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
      throw new Passing((error as Error).message);
    }
  }

  async destroy(): Promise<void> {
    await this.#agent.destroy();
  }
}

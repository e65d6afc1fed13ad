import { TidegateError } from '../../../quic/errors.js';
import type { CloseReason, Delivery, FunctionSession, Reply } from '../handler.js';
import type { Endpoint } from './endpoint.js';
import { isPromise } from './module-endpoint.js';

/** What is used of OpenTelemetry's API, which is there only where operators install it. */
export interface Tracing {
  trace: { getTracer(name: string): Tracer };
  SpanKind: { INTERNAL: number; CLIENT: number };
  SpanStatusCode: { ERROR: number };
}

interface Tracer {
  startActiveSpan<T>(name: string, options: { kind: number; attributes: Attributes }, run: (span: Span) => T): T;
}

interface Span {
  recordException(error: Error): void;
  setStatus(status: { code: number; message?: string }): void;
  end(): void;
}

type Attributes = Record<string, string | number>;

/** OpenTelemetry's API. Throws TIDEGATE_E_FUNCTION where it is not installed. */
export async function loadTracing(): Promise<Tracing> {
  try {
    return (await import('@opentelemetry/api')) as unknown as Tracing;
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_FUNCTION', 'tracing: @opentelemetry/api is not there', {
      hint: 'npm i @opentelemetry/api and an SDK, which NODE_OPTIONS=--import FILE registers in every thread',
      cause,
    });
  }
}

/** An endpoint each call of which is a span, with the function, the session, the client's pseudonym, and how much came. */
export class TracedEndpoint implements Endpoint {
  readonly #tracer: Tracer;

  constructor(
    readonly endpoint: Endpoint,
    readonly functionId: string,
    readonly tracing: Tracing,
  ) {
    this.#tracer = tracing.trace.getTracer('tidegate');
  }

  get url(): string | null {
    return this.endpoint.url;
  }

  open(session: FunctionSession): unknown {
    return this.#span('open', session, {}, () => this.endpoint.open(session));
  }

  data(delivery: Delivery, session: FunctionSession): Reply | Promise<Reply> {
    const { kind, bytes, lengths } = delivery;
    const came = { 'tidegate.kind': kind, 'tidegate.bytes': bytes.length, 'tidegate.messages': lengths.length };
    return this.#span('data', session, came, () => this.endpoint.data(delivery, session));
  }

  close(session: FunctionSession, reason: CloseReason): unknown {
    const why = { 'tidegate.code': reason.code, 'tidegate.by': reason.by };
    return this.#span('close', session, why, () => this.endpoint.close(session, reason));
  }

  #span<T>(what: string, session: FunctionSession, more: Attributes, call: () => T): T {
    const { SpanKind, SpanStatusCode } = this.tracing;
    const attributes = {
      'tidegate.function': this.functionId,
      'tidegate.session': session.id,
      'tidegate.client': session.client,
      ...more,
    };
    const kind = this.url !== null ? SpanKind.CLIENT : SpanKind.INTERNAL;
    return this.#tracer.startActiveSpan(`${this.functionId} ${what}`, { kind, attributes }, (span) => {
      const failed = (error: unknown): never => {
        span.recordException(error as Error);
        span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
        span.end();
        throw error;
      };
      let result: T;
      try {
        result = call();
      } catch (error) {
        return failed(error);
      }
      if (!isPromise<unknown>(result)) {
        span.end();
        return result;
      }
      return result.then((value) => {
        span.end();
        return value;
      }, failed) as T;
    });
  }
}

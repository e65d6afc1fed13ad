import { AppError, type AppErrorName } from '../../control/codes.js';
import type { HostSession } from '../shard/host-session.js';
import type { CallKind, CallStats } from './call-stats.js';
import { EndpointError } from './endpoints/endpoint.js';
import { isPromise } from './endpoints/module-endpoint.js';

/** What becomes of a session whose function fails: its message ends, or it does. */
export type FailurePolicy = 'message' | 'session';

/** Why a call failed, for the client and the log. */
export function failureOf(error: unknown): { code: AppErrorName; message: string } {
  if (error instanceof EndpointError) return { code: error.code, message: error.message };
  return { code: 'handler-failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** Calls that are not done: of a session, which are those of its shard too. */
export class CallsUnderWay {
  #count = 0;
  #after: (() => void) | null = null;

  constructor(readonly all: CallsUnderWay | null = null) {}

  get count(): number {
    return this.#count;
  }

  began(): void {
    this.#count++;
    this.all?.began();
  }

  ended(): void {
    this.#count--;
    const after = this.#after;
    try {
      if (this.#count === 0 && after !== null) {
        this.#after = null;
        after();
      }
    } finally {
      // What came after may have begun more.
      this.all?.ended();
    }
  }

  /** Runs what is to come after all calls: now where there is none. */
  afterLast(run: () => void): void {
    if (this.#count === 0) run();
    else this.#after = run;
  }
}

/** A call of an endpoint and what follows it. What it is about is handed through, so that one object serves many calls. */
export interface Invocation<A, T> {
  readonly kind: CallKind;
  call(about: A): T | Promise<T>;
  done(value: T, about: A): void;
  failed(error: unknown, isLate: boolean, about: A): void;
}

/**
 * Calls an endpoint and sees to its end: `done` with what it gave, or `failed`. One that is not done in time counts as
 * failed; what it gives later is dropped.
 * @param deadlineMs null: the endpoint sees to that itself
 * @param calls where it counts while it is not done
 * @param stats where it counts when it is
 */
export function invoke<A, T>(
  invocation: Invocation<A, T>,
  about: A,
  deadlineMs: number | null,
  calls: CallsUnderWay,
  stats: CallStats,
): void {
  const began = performance.now();
  let result: T | Promise<T>;
  try {
    result = invocation.call(about);
  } catch (error) {
    // The core is in a state that nobody can vouch for.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    stats.ended(invocation.kind, performance.now() - began, false);
    invocation.failed(error, false, about);
    return;
  }
  if (!isPromise(result)) {
    stats.ended(invocation.kind, performance.now() - began, true);
    invocation.done(result, about);
    return;
  }
  calls.began();
  let isOver = false;
  const settle = (isDone: boolean, then: () => void): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    stats.ended(invocation.kind, performance.now() - began, isDone);
    try {
      then();
    } finally {
      calls.ended();
    }
  };
  const late = (): void =>
    invocation.failed(new EndpointError('handler-late', `not done after ${deadlineMs} ms`), true, about);
  const timer = deadlineMs === null ? undefined : setTimeout(() => settle(false, late), deadlineMs);
  result.then(
    (value) => settle(true, () => invocation.done(value, about)),
    (error: unknown) => settle(false, () => invocation.failed(error, false, about)),
  );
}

/** Counts a failure, and ends the session where the policy is so. Returns the code for what else is to end. */
export function fail(session: HostSession, functionId: string, policy: FailurePolicy, error: unknown): number {
  const { code, message } = failureOf(error);
  session.shard.endpointFailed(session.identity.client, functionId, code, message);
  if (policy === 'session') session.close(AppError[code], code);
  return AppError[code];
}

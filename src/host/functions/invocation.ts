import { AppError, type AppErrorName } from '../../control/codes.js';
import type { HostSession } from '../shard/host-session.js';
import { EndpointError } from './endpoints/endpoint.js';
import { isPromise } from './endpoints/module-endpoint.js';

/** What becomes of a session whose function fails: its message ends, or it does. */
export type FailurePolicy = 'message' | 'session';

/** Why a call failed, for the client and the log. */
export function failureOf(error: unknown): { code: AppErrorName; message: string } {
  if (error instanceof EndpointError) return { code: error.code, message: error.message };
  return { code: 'handler-failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** A call of an endpoint and what follows it. What it is about is handed through, so that one object serves many calls. */
export interface Invocation<A, T> {
  call(about: A): T | Promise<T>;
  done(value: T, about: A): void;
  failed(error: unknown, isLate: boolean, about: A): void;
}

/**
 * Calls an endpoint and sees to its end: `done` with what it gave, or `failed`. One that is not done in time counts as
 * failed; what it gives later is dropped.
 */
export function invoke<A, T>(invocation: Invocation<A, T>, about: A, deadlineMs: number): void {
  let result: T | Promise<T>;
  try {
    result = invocation.call(about);
  } catch (error) {
    // The core is in a state that nobody can vouch for.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    invocation.failed(error, false, about);
    return;
  }
  if (!isPromise(result)) {
    invocation.done(result, about);
    return;
  }
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    invocation.failed(new EndpointError('handler-late', `not done after ${deadlineMs} ms`), true, about);
  }, deadlineMs);
  result.then(
    (value) => {
      clearTimeout(timer);
      if (!isOver) invocation.done(value, about);
    },
    (error: unknown) => {
      clearTimeout(timer);
      if (!isOver) invocation.failed(error, false, about);
    },
  );
}

/** Counts a failure, and ends the session where the policy is so. Returns the code for what else is to end. */
export function fail(session: HostSession, functionId: string, policy: FailurePolicy, error: unknown): number {
  const { code, message } = failureOf(error);
  session.shard.endpointFailed(session, functionId, code, message);
  if (policy === 'session') session.close(AppError[code], code);
  return AppError[code];
}

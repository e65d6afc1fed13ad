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

/**
 * Calls an endpoint and sees to its end: `done` with what it gave, or `failed`. One that is not done in time counts as
 * failed; what it gives later is dropped.
 */
export function invoke<T>(
  call: () => T | Promise<T>,
  deadlineMs: number,
  done: (value: T) => void,
  failed: (error: unknown, isLate: boolean) => void,
): void {
  let result: T | Promise<T>;
  try {
    result = call();
  } catch (error) {
    // The core is in a state that nobody can vouch for.
    if (error instanceof WebAssembly.RuntimeError) throw error;
    failed(error, false);
    return;
  }
  if (!isPromise(result)) {
    done(result);
    return;
  }
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    failed(new EndpointError('handler-late', `not done after ${deadlineMs} ms`), true);
  }, deadlineMs);
  result.then(
    (value) => {
      clearTimeout(timer);
      if (!isOver) done(value);
    },
    (error: unknown) => {
      clearTimeout(timer);
      if (!isOver) failed(error, false);
    },
  );
}

/** Counts a failure, and ends the session where the policy is so. Returns the code for what else is to end. */
export function fail(session: HostSession, functionId: string, policy: FailurePolicy, error: unknown): number {
  const { code, message } = failureOf(error);
  session.shard.endpointFailed(session, functionId, code, message);
  if (policy === 'session') session.close(AppError[code], code);
  session.shard.flushSoon();
  return AppError[code];
}

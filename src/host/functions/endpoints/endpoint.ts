import type { AppErrorName } from '../../../control/codes.js';
import type { CloseReason, Delivery, FunctionSession, Reply } from '../handler.js';

/** What a function invokes. Rejections and throws are failures of that one call. */
export interface Endpoint {
  /** Where calls go that leave this host and see to their own time: `close` is told again until it was heard; null: they stay. */
  readonly url: string | null;
  open(session: FunctionSession): unknown;
  data(delivery: Delivery, session: FunctionSession): Reply | Promise<Reply>;
  close(session: FunctionSession, reason: CloseReason): unknown;
}

/** A call that failed, with the code that the client is told. */
export class EndpointError extends Error {
  constructor(
    readonly code: AppErrorName,
    message: string,
    /** It may go well another time. */
    readonly isPassing = false,
  ) {
    super(message);
    this.name = 'EndpointError';
  }
}

/** Error codes of QUIC itself, RFC 9000 section 20.1. */
export const TransportError = {
  NO_ERROR: 0x0,
  CONNECTION_REFUSED: 0x2,
} as const;

/** H3_EXCESSIVE_LOAD, RFC 9114 section 8.1: what a connection is closed with that costs more than it may. */
export const EXCESSIVE_LOAD = 0x107;

/** An error with a stable code, for people and programs. `hint` says how to mend it. */
export class TidegateError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: `TIDEGATE_E_${string}`, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(options.hint === undefined ? message : `${message} (${options.hint})`, { cause: options.cause });
    this.name = 'TidegateError';
    this.code = code;
    this.hint = options.hint;
  }
}

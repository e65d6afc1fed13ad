/**
 * What the host ends streams and sessions with, and says in `error` messages: application error codes of 32 bits
 * (docs/protocol.md). 0 is no error.
 */
export const AppError = {
  'no-error': 0,
  'function-failed': 1,
  'function-unknown': 2,
  'function-refused': 3,
  'control-malformed': 16,
  'control-too-large': 17,
  'control-flood': 18,
  'control-twice': 19,
  'hello-missing': 20,
  'version-unknown': 21,
  'define-refused': 32,
  'criteria-unmeetable': 33,
  'definitions-exhausted': 34,
  'endpoint-refused': 35,
  'token-invalid': 48,
  'token-expired': 49,
  'jwt-invalid': 50,
  'jwt-expired': 51,
  'jwt-replayed': 52,
  'jwt-required': 53,
  'jwks-unavailable': 54,
  'hook-failed': 55,
  'challenge-failed': 64,
  'challenge-late': 65,
  'answer-unasked': 66,
  quarantined: 67,
  'receive-overflow': 80,
  'message-too-long': 81,
  'message-cut-off': 82,
  'handler-failed': 83,
  'handler-late': 84,
  'handler-rubbish': 85,
  'endpoint-unreachable': 86,
  'peer-left': 96,
  'peer-taken': 97,
} as const;

export type AppErrorName = keyof typeof AppError;

/** What a peer did that ends its session. */
export type SessionFault = 'protocol' | 'flow-control' | 'too-big' | 'unsupported';

/** A peer broke the rules of a session over TCP (draft-ietf-webtrans-http2, RFC 6455, RFC 9297): the session ends. */
export class TcpSessionError extends Error {
  override readonly name = 'TcpSessionError';

  constructor(
    readonly fault: SessionFault,
    message: string,
  ) {
    super(message);
  }
}

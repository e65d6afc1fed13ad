/** A server of `@fails-components/webtransport`, on our engine where the process was started with `--import register`. */
import { certificateHash } from '../../src/host/certificate/certificate-source.js';
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';

export interface Pair {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Uint8Array>;
}

export interface Session {
  ready: Promise<void>;
  closed: Promise<unknown>;
  incomingBidirectionalStreams: ReadableStream<Pair>;
  incomingUnidirectionalStreams: ReadableStream<ReadableStream<Uint8Array>>;
  createBidirectionalStream(options: object): Promise<Pair>;
  createUnidirectionalStream(options: object): Promise<WritableStream<Uint8Array>>;
  close(): void;
}

const library = (await import('@fails-components/webtransport')) as unknown as {
  Http3Server: new (
    options: object,
  ) => {
    ready: Promise<void>;
    startServer(): void;
    address(): { port: number };
    sessionStream(path: string): ReadableStream<Session>;
  };
  WebTransport: new (url: string, options: object) => Session;
  quicheLoaded: Promise<void>;
};
await library.quicheLoaded;

export const { WebTransport } = library;

/** Serves `/echo`, and what becomes of its sessions is the caller's. */
export async function serve(onSession: (session: Session) => void): Promise<{ port: number; hash: string }> {
  const issuedAt = new Date(Date.now() - 3_600_000);
  const { certificate: cert, privateKey: privKey } = await createSelfSigned(['127.0.0.1'], issuedAt);
  const server = new library.Http3Server({ port: 0, host: '127.0.0.1', secret: 'test', cert, privKey });
  server.startServer();
  await server.ready;
  void (async () => {
    for await (const session of server.sessionStream('/echo')) onSession(session);
  })();
  return { port: server.address().port, hash: certificateHash(cert) };
}

import type { TransportSession } from '../transport.js';
import type { CertificatePair, ShardInit } from './messages.js';
import { W3cSession, type W3cWebTransport } from './w3c-session.js';

/** All sessions come in under one name; the path that the client asked for travels in `userData`. */
const INTERNAL_PATH = '/tidegate';

interface LibrarySession extends W3cWebTransport {
  userData: { path: string; peer?: string };
  peerAddress?: string;
}

/** The parts of @fails-components/webtransport's HTTP/3 server in use. */
interface LibraryServer {
  ready: Promise<unknown>;
  closed: Promise<unknown>;
  startServer(): void;
  stopServer(): void;
  updateCert(certificate: string, privateKey: string, http2Only: boolean): void;
  address(): { port: number } | null;
  setRequestCallback(callback: (request: { header: Record<string, string> }) => Promise<object>): void;
  sessionStream(path: string): ReadableStream<LibrarySession>;
}

interface ListenerHooks {
  refusal(path: string, origin: string | undefined): number | null;
  onSession(transport: TransportSession, path: string, peer: string): void;
  onError(error: Error): void;
}

/** `--engine fails-components`: HTTP/3 through that library, by whatever HTTP/3 module it finds. */
export class W3cListener {
  #server: LibraryServer | null = null;
  #closed = false;

  constructor(
    readonly init: ShardInit,
    readonly port: number,
    readonly hooks: ListenerHooks,
  ) {}

  /** @returns the port that is served. */
  async start(): Promise<number> {
    // The library looks for its HTTP/3 module when it is loaded; ours stands in where the official one is missing.
    if (!hasOfficialModule()) await import('../../../transport/register.js');
    const { Http3Server } = (await import('@fails-components/webtransport')) as unknown as {
      Http3Server: new (options: object) => LibraryServer;
    };
    const { certificate, privateKey } = this.init.certificate;
    const { port } = this;
    const server = new Http3Server({
      port,
      host: this.init.host,
      secret: 'tidegate',
      cert: certificate,
      privKey: privateKey,
    });
    this.#server = server;
    server.setRequestCallback(async ({ header }) => {
      const path = header[':path'];
      const status = this.hooks.refusal(path, header.origin) ?? 200;
      return { path: INTERNAL_PATH, status, header, userData: { path } };
    });
    void this.#serve(server);
    server.startServer();
    await server.ready;
    return server.address()?.port ?? port;
  }

  async #serve(server: LibraryServer): Promise<void> {
    try {
      const reader = server.sessionStream(INTERNAL_PATH).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const peer = (value.peerAddress ?? '').replace(/:\d+$/, '');
        this.hooks.onSession(new W3cSession(value), value.userData.path, peer);
      }
    } catch (error) {
      if (!this.#closed) this.hooks.onError(error as Error);
    }
  }

  setCertificate(pair: CertificatePair): void {
    this.#server?.updateCert(pair.certificate, pair.privateKey, false);
  }

  close(): void {
    this.#closed = true;
    this.#server?.stopServer();
  }
}

function hasOfficialModule(): boolean {
  try {
    import.meta.resolve('@fails-components/webtransport-transport-http3-quiche');
    return true;
  } catch {
    return false;
  }
}

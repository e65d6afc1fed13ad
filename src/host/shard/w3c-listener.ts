import { TidegateError } from '../../quic/errors.js';
import type { TransportSession } from '../transport.js';
import { endIdle, type Http2Connection } from './idle-tcp.js';
import type { CertificatePair, ShardInit } from './messages.js';
import { installBackPressure } from './w3c-back-pressure.js';
import { W3cSession, type W3cWebTransport } from './w3c-session.js';

/** All sessions come in under one name; the path that the client asked for travels in `userData`. */
const INTERNAL_PATH = '/tidegate';
/** What a stream may be sent that nobody has read, and all streams of a session, bytes: the library would go up to 6 and 15 MB. */
const STREAM_WINDOW = 1024 * 1024;
const SESSION_WINDOW = 2 * 1024 * 1024;

interface LibrarySession extends W3cWebTransport {
  userData: { path: string; peer?: string };
  peerAddress?: string;
}

/** A server of node:http2. */
interface TcpServer {
  maxConnections?: number;
  listen(options: object): void;
  on(event: 'session', listener: (connection: Http2Connection) => void): void;
}

/** The parts of @fails-components/webtransport's servers in use. */
interface LibraryServer {
  ready: Promise<unknown>;
  closed: Promise<unknown>;
  startServer(): void;
  stopServer(): void;
  updateCert(certificate: string, privateKey: string, http2Only: boolean): void;
  address(): { port: number } | null;
  setRequestCallback(callback: (request: { header: Record<string, string> }) => Promise<object>): void;
  sessionStream(path: string): ReadableStream<LibrarySession>;
  createTransportInt(): Promise<void>;
  transportInt: { startServer?(): void; serverInt?: TcpServer };
}

interface ListenerHooks {
  refusal(path: string, origin: string | undefined): number | null;
  onSession(transport: TransportSession, path: string, peer: string, kind: 'http3' | 'tcp'): void;
  onError(error: Error): void;
}

/**
 * Sessions through @fails-components/webtransport: HTTP/2 and WebSocket over TCP on the host's port, and with
 * `--engine fails-components` HTTP/3 as well, by whatever HTTP/3 module that library finds.
 */
export class W3cListener {
  readonly #servers: LibraryServer[] = [];
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
    const library = (await import('@fails-components/webtransport')) as unknown as {
      Http2Server: new (options: object) => LibraryServer;
      Http3Server: new (options: object) => LibraryServer;
    };
    await installBackPressure().catch(({ message }: Error) => {
      this.hooks.onError(new Error(`sessions over TCP are read further than their limits say: ${message}`));
    });
    let { port } = this;
    if (this.init.engine === 'fails-components') {
      const server = this.#add(new library.Http3Server(this.#options(port)), 'http3');
      server.startServer();
      await server.ready;
      port = server.address()?.port ?? port;
    }
    if (this.init.tcp) {
      const server = this.#add(new library.Http2Server(this.#options(port)), 'tcp');
      await server.createTransportInt();
      // The library listens without reusePort, which several shards on one port need.
      const listen = { port, host: this.init.host, ...(this.init.reusePort ? { reusePort: true } : {}) };
      const { transportInt } = server;
      if (transportInt.serverInt !== undefined) this.#bound(transportInt.serverInt);
      transportInt.startServer = () => transportInt.serverInt?.listen(listen);
      server.startServer();
      await server.ready.catch((cause: Error) => {
        throw new TidegateError(
          'TIDEGATE_E_LISTEN',
          `can't listen on TCP ${this.init.host}:${port}: ${cause.message}`,
          {
            hint: 'another process has that TCP port: choose another with --port, or set tcp to false',
            cause,
          },
        );
      });
    }
    return port;
  }

  #bound(server: TcpServer): void {
    server.maxConnections = this.init.maxConnections;
    server.on('session', (connection) => endIdle(connection, this.init.idleTimeoutMs));
  }

  #options(port: number): object {
    const { certificate, privateKey } = this.init.certificate;
    return {
      port,
      host: this.init.host,
      secret: 'tidegate',
      cert: certificate,
      privKey: privateKey,
      streamFlowControlWindowSizeLimit: STREAM_WINDOW,
      sessionFlowControlWindowSizeLimit: SESSION_WINDOW,
    };
  }

  #add(server: LibraryServer, kind: 'http3' | 'tcp'): LibraryServer {
    this.#servers.push(server);
    server.setRequestCallback(async ({ header }) => {
      const path = header[':path'];
      const status = this.hooks.refusal(path, header.origin) ?? 200;
      return { path: INTERNAL_PATH, status, header, userData: { path } };
    });
    void this.#serve(server, kind);
    return server;
  }

  async #serve(server: LibraryServer, kind: 'http3' | 'tcp'): Promise<void> {
    try {
      const reader = server.sessionStream(INTERNAL_PATH).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const peer = (value.peerAddress ?? '').replace(/:\d+$/, '');
        this.hooks.onSession(new W3cSession(value), value.userData.path, peer, kind);
      }
    } catch (error) {
      if (!this.#closed) this.hooks.onError(error as Error);
    }
  }

  setCertificate(pair: CertificatePair): void {
    for (const server of this.#servers) server.updateCert(pair.certificate, pair.privateKey, false);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const server of this.#servers) server.stopServer();
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

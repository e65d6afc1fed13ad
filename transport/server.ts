import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { H3Connection } from '../src/http3/connection.js';
import { H3Error } from '../src/http3/errors.js';
import type { HeaderField } from '../src/http3/qpack/field-section.js';
import type { WebTransportSession } from '../src/http3/session.js';
import { bindUdp, UdpDriver } from '../src/net/udp-driver.js';
import type { QuicConnection } from '../src/quic/engine.js';
import { DEFAULT_GOODPUT_LIMITS, DEFAULT_HANDSHAKE_LIMITS } from '../src/quic/options.js';
import { QuicheEndpoint } from '../src/quic/quiche/endpoint.js';
import { NativeSession } from './native-session.js';
import type { LibraryServer, TransportInit } from './native-types.js';
import { formatProtocol, joinPem, parseProtocols, transportOptions } from './options.js';

const DEFAULT_MAX_CONNECTIONS = 100_000;

/** What the library's request handler answered. */
interface RequestVerdict {
  session: WebTransportSession;
  path: string;
  header: Record<string, unknown>;
  peerAddress: string;
  status: number;
  userData?: object;
  selectedProtocol?: string;
}

/** The HTTP/3 server that the library drives: which paths there are, and who may come in. */
export class Http3WebTransportServer {
  jsobj!: LibraryServer;
  socket!: Http3WebTransportServerSocket;
  readonly #paths = new Set<string>();
  #asksHandler = false;

  constructor(readonly init: TransportInit) {}

  startServer(): void {
    this.socket.listen();
  }

  updateCert(certificate: string | string[], privateKey: string | string[], http2Only: boolean): void {
    if (!http2Only) this.socket.setCertificate(joinPem(certificate), joinPem(privateKey));
  }

  setJSRequestHandler(present: boolean): void {
    this.#asksHandler = present;
  }

  addPath(path: string): void {
    this.#paths.add(path);
  }

  onConnection(quic: QuicConnection): void {
    new H3Connection(quic, {
      onSession: (session) => this.#onSession(session, quic),
      onRequest: (request) => request.respond(404),
      onReady() {},
      onClosed() {},
    });
  }

  #onSession(session: WebTransportSession, quic: QuicConnection): void {
    const { head } = session;
    const header: Record<string, unknown> = {
      ...head.headers,
      ':method': head.method,
      ':authority': head.authority,
      ':scheme': head.scheme,
      ':path': head.path,
      ':protocol': head.protocol,
    };
    const offered = head.headers['wt-available-protocols'];
    if (offered !== undefined) {
      const protocols = parseProtocols(offered);
      if (protocols === null) {
        session.reject(400);
        return;
      }
      header['wt-available-protocols'] = protocols;
    }
    const peerAddress = `${quic.peerAddress}:${quic.peerPort}`;
    if (this.#asksHandler) {
      this.jsobj.onSessionRequest({ header, peerAddress, session, protocol: 'http3' });
    } else {
      const status = this.#paths.has(head.path) ? 200 : 404;
      this.finishSessionRequest({ session, header, peerAddress, path: head.path, status });
    }
  }

  /** The library's request handler has answered. */
  finishSessionRequest(verdict: RequestVerdict): void {
    const { session, status, selectedProtocol } = verdict;
    if (session.state !== 'pending') return;
    if (status !== 200) {
      session.reject(status);
      return;
    }
    const native = new NativeSession(session);
    this.jsobj.onHttpWTSessionVisitor({
      session: native,
      path: verdict.path,
      header: verdict.header,
      peerAddress: verdict.peerAddress,
      userData: verdict.userData,
    });
    const headers: HeaderField[] =
      selectedProtocol === undefined ? [] : [['wt-protocol', formatProtocol(selectedProtocol)]];
    native.ready(selectedProtocol);
    session.accept(headers);
  }
}

/** The UDP socket behind the server. */
export class Http3WebTransportServerSocket {
  jsobj!: LibraryServer;
  cobj!: Http3WebTransportServer;
  #driver: UdpDriver | null = null;
  #stopped = false;

  constructor(readonly options: TransportInit) {}

  /** Binding waits for {@link listen}, when everything is joined. */
  init(): void {}

  listen(): void {
    this.#listen().catch((error: Error) => this.jsobj.onServerError(error));
  }

  async #listen(): Promise<void> {
    const { host = 'localhost', port = 443, cert, privKey, maxConnections } = this.options;
    const { address } = await lookup(host);
    const socket = await bindUdp({ address, port: Number(port) });
    const bound = socket.address();
    if (this.#stopped) {
      socket.close();
      return;
    }
    this.#driver = new UdpDriver(socket, (hooks) => {
      const secrets = randomBytes(112);
      return new QuicheEndpoint(
        {
          localAddress: bound.address,
          localPort: bound.port,
          protocols: ['h3'],
          transport: transportOptions(this.options),
          server: {
            certificate: joinPem(cert),
            privateKey: joinPem(privKey),
            maxConnections: maxConnections ?? DEFAULT_MAX_CONNECTIONS,
            handshakeTimeoutMs: 10_000,
            handshakes: DEFAULT_HANDSHAKE_LIMITS,
            goodput: DEFAULT_GOODPUT_LIMITS,
            cidKeys: [{ version: 0, key: secrets.subarray(0, 16) }],
            route: { host: 0, shard: 0 },
            retryKeys: [secrets.subarray(16, 48)],
            resetKey: secrets.subarray(48, 80),
          },
        },
        { ...hooks, onConnection: (connection) => this.cobj.onConnection(connection) },
      );
    });
    this.jsobj.onServerListening({ port: bound.port, host: bound.address });
  }

  setCertificate(certificate: string, privateKey: string): void {
    this.#driver?.endpoint.setCertificate(certificate, privateKey);
  }

  stopServer(): void {
    this.#stopped = true;
    const driver = this.#driver;
    if (driver === null) return;
    driver.close(H3Error.NO_ERROR, 'server stops').then(() => this.jsobj.onServerClose());
  }
}

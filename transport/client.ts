import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { checkHashedCertificate } from '../src/client/hashed-certificate.js';
import { H3Connection } from '../src/http3/connection.js';
import { H3Error } from '../src/http3/errors.js';
import type { HeaderField } from '../src/http3/qpack/field-section.js';
import { createClientDriver } from '../src/net/client-driver.js';
import type { UdpDriver } from '../src/net/udp-driver.js';
import { NativeSession } from './native-session.js';
import type { LibraryClient, TransportInit } from './native-types.js';
import { formatProtocol, parseProtocols, transportOptions } from './options.js';

/** What a peer gets to answer the close capsule before the connection goes. */
const LAST_WORDS_MS = 500;

function toHex(value: BufferSource): string {
  const bytes = ArrayBuffer.isView(value)
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(value);
  return bytes.toString('hex');
}

/** The HTTP/3 client that the library drives: one connection, one session. */
export class Http3WebTransportClient {
  jsobj!: LibraryClient;
  socket!: Http3WebTransportClientSocket;
  #http3: H3Connection | null = null;
  #session: NativeSession | null = null;
  #connected = false;
  #failed = false;

  constructor(readonly init: TransportInit) {}

  createTransport(): void {
    this.#connect().catch(() => this.#fail());
  }

  async #connect(): Promise<void> {
    const { host = 'localhost', port = 443, forceIpv6 = false, serverCertificateHashes } = this.init;
    const name = host.replace(/^\[|\]$/g, '');
    const address = isIP(name) ? name : (await lookup(name, { family: forceIpv6 ? 6 : 0 })).address;
    const driver = await this.socket.open(address.includes(':'));
    const connection = driver.endpoint.connect(
      { address, port: Number(port), ...(isIP(name) ? {} : { serverName: name }) },
      performance.now(),
    );
    this.#http3 = new H3Connection(connection, {
      onSession: (session) => session.reject(405),
      onRequest() {},
      onReady: (webTransport) => {
        const hashes = serverCertificateHashes
          ?.filter(({ algorithm }) => algorithm === 'sha-256')
          .map(({ value }) => toHex(value));
        try {
          if (hashes !== undefined) checkHashedCertificate(connection.peerCertificates()[0], hashes, Date.now());
          if (!webTransport) throw new Error('no WebTransport');
        } catch {
          connection.close(true, H3Error.NO_ERROR, '');
          this.#fail();
          return;
        }
        this.#connected = true;
        this.jsobj.onClientConnected({ success: true });
        // The library asks for support only after it has seen the connection.
        this.jsobj.onClientWebTransportSupport({});
      },
      onClosed: () => {
        if (!this.#connected) this.#fail();
        this.socket.release();
      },
    });
    driver.scheduleFlush();
  }

  #fail(): void {
    if (this.#failed) return;
    this.#failed = true;
    this.jsobj.onClientConnected({ success: false });
    this.socket.release();
  }

  /** The library wants its session. */
  openWTSession(path: string): void {
    const { host = 'localhost', port = 443, protocols = [] } = this.init;
    const authority = Number(port) === 443 ? host : `${host}:${port}`;
    const head = { method: 'CONNECT', scheme: 'https', authority, path, protocol: 'webtransport', headers: {} };
    const extra: HeaderField[] =
      protocols.length === 0 ? [] : [['wt-available-protocols', protocols.map(formatProtocol).join(', ')]];
    const session = this.#http3?.openSession(head, extra, (status) => {
      if (status < 200 || status > 299) return;
      const chosen = session?.head.headers['wt-protocol'];
      const protocol = chosen === undefined ? undefined : parseProtocols(chosen)?.[0];
      if (protocol !== undefined && !protocols.includes(protocol)) session?.close();
      else this.#session?.ready(protocol);
    });
    if (!session) {
      this.jsobj.onClientError?.({ errorcode: 0, error: 'the server allows no stream' });
      return;
    }
    this.#session = new NativeSession(session, () => this.closeGently());
    this.jsobj.onHttpWTSessionVisitor({ session: this.#session, reliable: false });
    this.socket.flush();
  }

  /** Closes the connection once the peer has taken note of the session's end. */
  closeGently(): void {
    const http3 = this.#http3;
    if (http3 === null) return;
    const started = performance.now();
    const check = (): void => {
      if (http3.isBusy && performance.now() - started < LAST_WORDS_MS) setTimeout(check, 5);
      else http3.close(H3Error.NO_ERROR);
    };
    check();
  }

  closeClient(): void {
    this.closeGently();
  }
}

/** The UDP socket behind a client. */
export class Http3WebTransportClientSocket {
  cobj!: Http3WebTransportClient;
  #driver: UdpDriver | null = null;
  #released = false;

  constructor(readonly options: TransportInit) {}

  init(): void {}

  async open(ipv6: boolean): Promise<UdpDriver> {
    const driver = await createClientDriver({
      ipv6,
      port: this.options.localPort ?? 0,
      transport: transportOptions(this.options),
      verifyRoots: this.options.serverCertificateHashes === undefined,
    });
    this.#driver = driver;
    if (this.#released) await driver.close(H3Error.NO_ERROR, '');
    return driver;
  }

  flush(): void {
    this.#driver?.scheduleFlush();
  }

  /** The library is done with this client. */
  closeClient(): void {
    if (this.cobj === undefined || this.#driver === null) this.#released = true;
    else this.cobj.closeGently();
  }

  /** The connection is over: the socket goes, so that the process can end. */
  release(): void {
    this.#released = true;
    const driver = this.#driver;
    this.#driver = null;
    // Not inside the endpoint's own call.
    if (driver !== null) setImmediate(() => void driver.close(H3Error.NO_ERROR, ''));
  }
}

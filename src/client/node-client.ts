import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { H3Connection } from '../http3/connection.js';
import { H3Error } from '../http3/errors.js';
import type { RequestHead } from '../http3/message.js';
import type { HeaderField } from '../http3/qpack/field-section.js';
import type { SessionHandler, WebTransportSession } from '../http3/session.js';
import { createClientDriver } from '../net/client-driver.js';
import type { UdpDriver } from '../net/udp-driver.js';
import type { QuicCloseInfo, QuicConnection } from '../quic/engine.js';
import { TidegateError } from '../quic/errors.js';
import { DEFAULT_TRANSPORT, type QuicTransportOptions } from '../quic/options.js';
import { whyEnded } from './connection-end.js';
import { checkHashedCertificate } from './hashed-certificate.js';

export interface ClientTrust {
  /** SHA-256 of the certificate's DER, hex; one of them has to match. */
  certificateHashes?: readonly string[];
  /** Any certificate will do: for tests. */
  insecure?: boolean;
}

export interface NodeClientOptions extends ClientTrust {
  ipv6?: boolean;
  transport?: Partial<QuicTransportOptions>;
  keyLogFile?: string;
}

/** A session of a client, with what carries it. */
export interface ClientSession {
  session: WebTransportSession;
  connection: QuicConnection;
  http3: H3Connection;
}

/** A WebTransport client for Node over HTTP/3: any number of connections on one UDP socket. */
export class NodeClient {
  private constructor(
    readonly driver: UdpDriver,
    readonly options: NodeClientOptions,
  ) {}

  static async create(options: NodeClientOptions = {}): Promise<NodeClient> {
    const driver = await createClientDriver({
      ipv6: options.ipv6 ?? false,
      transport: { ...DEFAULT_TRANSPORT, ...options.transport },
      verifyRoots: options.insecure !== true && options.certificateHashes === undefined,
      ...(options.keyLogFile === undefined ? {} : { keyLogFile: options.keyLogFile }),
    });
    return new NodeClient(driver, options);
  }

  /**
   * Opens a session at `url` on a connection of its own. Rejects where the connection, the certificate, the server's
   * settings or its answer forbid it.
   */
  async connect(url: string, handler: SessionHandler, headers: readonly HeaderField[] = []): Promise<ClientSession> {
    const refusal = (message: string, hint?: string): TidegateError =>
      new TidegateError('TIDEGATE_E_CONNECT', `${url}: ${message}`, hint === undefined ? {} : { hint });
    if (!URL.canParse(url) || new URL(url).protocol !== 'https:') throw refusal('it is no https URL');
    const { hostname, port, host, pathname, search } = new URL(url);
    const name = hostname.replace(/^\[|\]$/g, '');
    const family = this.options.ipv6 === true ? 6 : 4;
    const addresses = await lookup(name, { all: true }).catch(({ message }: Error) => {
      throw refusal(message);
    });
    const address = addresses.find((found) => found.family === family)?.address;
    if (address === undefined) {
      throw refusal(`${name} has no IPv${family} address`, 'the option ipv6 says which of IPv4 and IPv6 is spoken');
    }
    return await new Promise<ClientSession>((resolve, reject) => {
      const fail = (message: string, hint?: string): void => reject(refusal(message, hint));
      let http3: H3Connection;
      const connection = this.driver.endpoint.connect(
        {
          address,
          port: port === '' ? 443 : Number(port),
          ...(isIP(name) ? {} : { serverName: name }),
        },
        performance.now(),
      );
      http3 = new H3Connection(connection, {
        onSession: (session) => session.reject(405),
        onRequest() {},
        onReady: (webTransport) => {
          const head: RequestHead = {
            method: 'CONNECT',
            scheme: 'https',
            authority: host,
            path: pathname + search,
            protocol: 'webtransport',
            headers: {},
          };
          try {
            const { certificateHashes } = this.options;
            if (certificateHashes !== undefined) {
              checkHashedCertificate(connection.peerCertificates()[0], certificateHashes, Date.now());
            }
          } catch (error) {
            http3.close(H3Error.NO_ERROR, 'certificate refused');
            reject(error);
            return;
          }
          const session: WebTransportSession | null = webTransport
            ? http3.openSession(head, headers, (status) => {
                if (status >= 200 && status <= 299) {
                  resolve({ session: session as WebTransportSession, connection, http3 });
                } else {
                  fail(`refused with status ${status}`);
                  http3.close();
                }
              })
            : null;
          if (session === null) {
            fail(webTransport ? 'the server allows no stream' : 'the server has no WebTransport');
            http3.close();
          } else {
            session.handler = handler;
          }
        },
        onClosed: (info: QuicCloseInfo) => {
          const { message, hint } = whyEnded(info);
          fail(message, hint);
        },
      });
      this.driver.scheduleFlush();
    });
  }

  async close(): Promise<void> {
    await this.driver.close(H3Error.NO_ERROR, '');
  }
}

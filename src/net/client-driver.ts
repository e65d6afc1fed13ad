import { rootCertificates } from 'node:tls';
import type { QuicTransportOptions } from '../quic/options.js';
import { QuicheEndpoint } from '../quic/quiche/endpoint.js';
import { bindUdp, UdpDriver } from './udp-driver.js';

export interface ClientDriverOptions {
  ipv6: boolean;
  /** Local port; a free one where it is left out. */
  port?: number;
  transport: QuicTransportOptions;
  /** False trusts any certificate: whoever asks for that checks its hash. */
  verifyRoots: boolean;
  keyLogFile?: string;
}

/** A UDP socket with an endpoint for outgoing HTTP/3 connections. */
export async function createClientDriver(options: ClientDriverOptions): Promise<UdpDriver> {
  const address = options.ipv6 ? '::' : '0.0.0.0';
  const socket = await bindUdp({ address, port: options.port ?? 0 });
  const endpointOptions = {
    localAddress: address,
    localPort: socket.address().port,
    protocols: ['h3'],
    transport: options.transport,
    client: { trustedRoots: options.verifyRoots ? rootCertificates.join('\n') : null },
    ...(options.keyLogFile === undefined ? {} : { keyLogFile: options.keyLogFile }),
  };
  return new UdpDriver(socket, (hooks) => new QuicheEndpoint(endpointOptions, { ...hooks, onConnection() {} }));
}

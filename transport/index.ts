/**
 * The HTTP/3 module of `@fails-components/webtransport` on Tidegate's engine: what that library imports under the name
 * `@fails-components/webtransport-transport-http3-quiche`. `tidegate/register` puts it there.
 */
import { loadQuiche } from '../src/quic/native.js';

export { Http3WebTransportClient, Http3WebTransportClientSocket } from './client.js';
export { Http3WebTransportServer, Http3WebTransportServerSocket } from './server.js';

/** Throws where this platform has no engine. */
export function checkQuicheInit(): void {
  loadQuiche();
}

/** Saturates the echo of @currentspace/http3: `node quic-peer-echo-client.js PORT CONNECTIONS WINDOW`. */
import { ECHO_BYTES } from './echo-size.js';
import { loadPeer, PEER_OPTIONS } from './quic-peer.js';

const [port, connections, window] = process.argv.slice(2).map(Number);
const message = Buffer.alloc(ECHO_BYTES);
const { connectQuicAsync } = await loadPeer();
for (let i = 0; i < connections; i++) {
  const session = await connectQuicAsync(`https://127.0.0.1:${port}`, { ...PEER_OPTIONS, rejectUnauthorized: false });
  session.on('datagram', () => session.sendDatagram(message));
  for (let k = 0; k < window; k++) session.sendDatagram(message);
}

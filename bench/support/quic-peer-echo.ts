/** A peer of the echo: datagrams on raw QUIC by @currentspace/http3. */
import { createSelfSigned } from '../../src/host/certificate/self-signed.js';
import { tellEchoes } from './echo-counter.js';
import { loadPeer, PEER_OPTIONS } from './quic-peer.js';

const { createQuicServer } = await loadPeer();
const { certificate, privateKey } = await createSelfSigned(['127.0.0.1'], new Date());
const server = createQuicServer({ ...PEER_OPTIONS, cert: Buffer.from(certificate), key: Buffer.from(privateKey) });
let echoed = 0;
server.on('session', (session) => {
  session.on('datagram', (bytes) => {
    echoed++;
    session.sendDatagram(bytes);
  });
});
const { port } = await server.listen(0, '127.0.0.1');
tellEchoes(port, () => echoed);

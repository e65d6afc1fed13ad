/** Uploads on one stream until killed: raw QUIC (`PORT`) or a session (`URL HASH`), the same engine on this side. */
import { NodeClient } from '../../src/client/node-client.js';
import type { SessionHandler } from '../../src/http3/session.js';
import { bindUdp, UdpDriver } from '../../src/net/udp-driver.js';
import { DEFAULT_TRANSPORT } from '../../src/quic/options.js';
import { QuicheEndpoint } from '../../src/quic/quiche/endpoint.js';

const [target, hash] = process.argv.slice(2);
const chunk = new Uint8Array(65536);

if (hash === undefined) {
  const socket = await bindUdp({ address: '0.0.0.0', port: 0 });
  const options = {
    localAddress: '0.0.0.0',
    localPort: socket.address().port,
    protocols: ['h3'],
    transport: DEFAULT_TRANSPORT,
    client: { trustedRoots: null },
  };
  const driver = new UdpDriver(socket, (hooks) => new QuicheEndpoint(options, { ...hooks, onConnection() {} }));
  const pump = (id: number): void => {
    while (connection.streamWrite(id, chunk, false) === chunk.length);
  };
  const connection = driver.endpoint.connect(
    {
      address: '127.0.0.1',
      port: Number(target),
      handler: {
        onEstablished: () => pump(connection.openStream(false)),
        onDatagram() {},
        onStreamReadable() {},
        onStreamWritable: pump,
        onStreamStopped() {},
        onStreamsAvailable() {},
        onClosed() {},
      },
    },
    performance.now(),
  );
} else {
  const client = await NodeClient.create({ certificateHashes: [hash] });
  const handler: SessionHandler = {
    onDatagram() {},
    onStream() {},
    onStreamsAvailable() {},
    onDraining() {},
    onClosed() {},
  };
  const { session } = await client.connect(`${target}/sink`, handler);
  const stream = session.openStream(false);
  if (stream === null) throw new Error('no stream');
  const pump = (): void => {
    while (stream.write(chunk, false) === chunk.length);
  };
  stream.handler = { ...stream.handler, onWritable: pump };
  pump();
  client.driver.scheduleFlush();
}
process.send?.({ started: true });

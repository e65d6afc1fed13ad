/** Uploads on one stream until killed: raw QUIC (`PORT`) or a session (`URL HASH`), the same engine on this side. */
import { NodeClient } from '../../src/client/node-client.js';
import { createClientDriver } from '../../src/net/client-driver.js';
import { SILENT_CONNECTION } from '../../src/quic/engine.js';
import { DEFAULT_TRANSPORT } from '../../src/quic/options.js';
import { chunk, uploadWithoutEnd } from './endless-upload.js';

const [target, hash] = process.argv.slice(2);

if (hash === undefined) {
  const driver = await createClientDriver({ ipv6: false, transport: DEFAULT_TRANSPORT, verifyRoots: false });
  const pump = (id: number): void => {
    while (connection.streamWrite(id, chunk, false) === chunk.length);
  };
  const connection = driver.endpoint.connect(
    {
      address: '127.0.0.1',
      port: Number(target),
      handler: {
        ...SILENT_CONNECTION,
        onEstablished: () => pump(connection.openStream(false)),
        onStreamWritable: pump,
      },
    },
    performance.now(),
  );
} else {
  const client = await NodeClient.create({ certificateHashes: [hash] });
  await uploadWithoutEnd(client, `${target}/sink`);
}
process.send?.({ started: true });

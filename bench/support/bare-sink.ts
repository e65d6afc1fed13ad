/** The baseline of the stream bench: quiche's binding over dgram and nothing else, reading streams into the void. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { loadQuiche, type NativeConnection } from '../../src/quic/native.js';

const [certificate, privateKey] = process.argv.slice(2).map((text) => Buffer.from(text, 'base64'));
const quiche = loadQuiche();
const config = quiche.Config.withBoringSslCtx(false, false, null, [privateKey], [certificate], null);
config.setApplicationProtos(['h3']);
config.setMaxIdleTimeout(30_000);
config.setInitialMaxData(4 * 1024 * 1024);
config.setInitialMaxStreamDataBidiLocal(512 * 1024);
config.setInitialMaxStreamDataBidiRemote(512 * 1024);
config.setInitialMaxStreamDataUni(512 * 1024);
config.setMaxConnectionWindow(24 * 1024 * 1024);
config.setMaxStreamWindow(4 * 1024 * 1024);
config.setInitialMaxStreamsBidi(101);
config.setInitialMaxStreamsUni(103);
config.setMaxSendUdpPayloadSize(1350);

const socket = createSocket({
  type: 'udp4',
  lookup: (name, family, callback) => callback(null, name, family as unknown as number),
});
const out = new Uint8Array(1500);
const chunk = new Uint8Array(65536);
let connection: NativeConnection | null = null;
let received = 0;
let scheduled = false;
let peer = { address: '', port: 0 };

function flush(): void {
  scheduled = false;
  if (connection === null) return;
  for (const id of connection.readable()) {
    for (;;) {
      const read = connection.streamRecv(id, chunk);
      if (read === null) break;
      received += read[0];
      if (read[1]) break;
    }
  }
  for (let sent = connection.send(out); sent !== null; sent = connection.send(out)) {
    socket.send(out.slice(0, sent[0]), peer.port, peer.address);
  }
}

socket.on('message', (packet, from) => {
  const local = { host: '127.0.0.1', port: socket.address().port };
  const remote = { host: from.address, port: from.port };
  if (connection === null) {
    peer = from;
    connection = quiche.Connection.accept(randomBytes(16), null, local, remote, config);
  }
  connection.recv(packet, { from: remote, to: local });
  if (!scheduled) {
    scheduled = true;
    setImmediate(flush);
  }
});
setInterval(() => {
  if (connection === null || (connection.timeout() ?? 1) > 0) return;
  connection.onTimeout();
  flush();
}, 5);
socket.bind(0, '127.0.0.1', () => {
  socket.setRecvBufferSize(4 * 1024 * 1024);
  process.send?.({ port: socket.address().port });
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, received });
});

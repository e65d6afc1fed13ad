/** The baseline of the echo bench: a bare `dgram` echo. Prints its port, answers `cpu` on standard input's messages. */
import { createSocket } from 'node:dgram';

const socket = createSocket({
  type: 'udp4',
  lookup: (name, family, callback) => callback(null, name, family as unknown as number),
});
let echoed = 0;
socket.on('message', (packet, from) => {
  echoed++;
  socket.send(packet, from.port, from.address);
});
socket.bind(0, '127.0.0.1', () => {
  socket.setRecvBufferSize(4 * 1024 * 1024);
  process.send?.({ port: socket.address().port });
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system, echoed });
});

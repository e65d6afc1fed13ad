/** Saturates the bare echo: `window` datagrams of `size` bytes on the way on each of four sockets. */
import { createSocket } from 'node:dgram';

const [port, window, size] = process.argv.slice(2).map(Number);
const packet = new Uint8Array(size);
for (let i = 0; i < 4; i++) {
  const socket = createSocket({
    type: 'udp4',
    lookup: (name, family, callback) => callback(null, name, family as unknown as number),
  });
  socket.on('message', () => socket.send(packet, port, '127.0.0.1'));
  socket.bind(0, '127.0.0.1', () => {
    socket.setRecvBufferSize(4 * 1024 * 1024);
    for (let k = 0; k < window / 4; k++) socket.send(packet, port, '127.0.0.1');
  });
}

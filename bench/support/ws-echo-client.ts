/** Saturates the echo of `ws`: `node ws-echo-client.js PORT CONNECTIONS WINDOW`. */
import { WebSocket } from 'ws';
import { ECHO_BYTES } from './echo-size.js';

const [port, connections, window] = process.argv.slice(2).map(Number);
const message = new Uint8Array(ECHO_BYTES);
for (let i = 0; i < connections; i++) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  socket.on('message', () => socket.send(message));
  socket.on('open', () => {
    for (let k = 0; k < window; k++) socket.send(message);
  });
}

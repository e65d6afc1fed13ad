/** A peer of the echo: `ws`, WebSocket over TCP without TLS, no compression. */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { tellEchoes } from './echo-counter.js';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
let echoed = 0;
server.on('connection', (socket) => {
  socket.on('message', (message) => {
    echoed++;
    socket.send(message, { binary: true });
  });
});
server.on('listening', () => tellEchoes((server.address() as AddressInfo).port, () => echoed));

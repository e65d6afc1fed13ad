/**
 * Clients over TCP that send frames of a byte as fast as one process can: `node tiny-frames.js PORT KIND SECONDS CONNECTIONS`, and
 * tells how many bytes those were. KIND: `websocket` or `http2`.
 */
import { once } from 'node:events';
import { connect } from 'node:tls';
import { maskedFrame, upgradeRequest } from '../../test/support/framing.js';
import { HTTP2_PREFACE, Http2Flag, Http2Type, http2Frame, POST_SECTION } from '../../test/support/http2-frames.js';

const [port, kind, seconds, connections] = process.argv.slice(2);
const AT_ONCE = 1000;
const isWebSocket = kind === 'websocket';
const begin = isWebSocket
  ? upgradeRequest('/sink')
  : Buffer.concat([HTTP2_PREFACE, http2Frame(Http2Type.HEADERS, Http2Flag.END_HEADERS, 1, POST_SECTION)]);
const frame = isWebSocket
  ? maskedFrame(0x82, Uint8Array.of(0, 65))
  : http2Frame(Http2Type.DATA, 0, 1, Uint8Array.of(65));
const frames = Buffer.concat(Array.from({ length: AT_ONCE }, () => frame));
const end = performance.now() + Number(seconds) * 1000;
let sent = 0;

async function flood(): Promise<void> {
  while (performance.now() < end) {
    const ALPNProtocols = [isWebSocket ? 'http/1.1' : 'h2'];
    const socket = connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols });
    socket.on('error', () => {});
    socket.write(begin);
    await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => {});
    socket.resume();
    while (performance.now() < end && !socket.destroyed) {
      sent += frames.length;
      if (socket.write(frames)) await new Promise((resolve) => setImmediate(resolve));
      else await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
    }
    socket.destroy();
  }
}

await Promise.all(Array.from({ length: Number(connections) }, flood));
process.send?.({ sent }, () => process.exit());

import { once } from 'node:events';
import { connect } from 'node:tls';
import { maskedFrame, upgradeRequest } from './framing.js';
import { HTTP2_PREFACE, Http2Flag, Http2Type, http2Frame, POST_SECTION } from './http2-frames.js';

const AT_ONCE = 1000;

interface Kind {
  protocol: string;
  begin: string | Buffer;
  frame: Uint8Array;
}

const kinds: Record<'websocket' | 'http2', Kind> = {
  websocket: {
    protocol: 'http/1.1',
    begin: upgradeRequest('/sink'),
    frame: maskedFrame(0x82, Uint8Array.of(0, 65)),
  },
  http2: {
    protocol: 'h2',
    begin: Buffer.concat([HTTP2_PREFACE, http2Frame(Http2Type.HEADERS, Http2Flag.END_HEADERS, 1, POST_SECTION)]),
    frame: http2Frame(Http2Type.DATA, 0, 1, Uint8Array.of(65)),
  },
};

/** A client over TCP that sends frames of a byte as fast as it can, and comes back where it is sent away. Resolves with the bytes it sent. */
export async function sendTinyFrames(port: number, kind: keyof typeof kinds, isOver: () => boolean): Promise<number> {
  const { protocol, begin, frame } = kinds[kind];
  const frames = Buffer.concat(Array.from({ length: AT_ONCE }, () => frame));
  let sent = 0;
  while (!isOver()) {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [protocol] });
    const next = async (event: string): Promise<unknown> =>
      await Promise.race([once(socket, event), once(socket, 'close')]).catch(() => {});
    socket.on('error', () => {});
    socket.write(begin);
    await next('data');
    socket.resume();
    while (!isOver() && !socket.destroyed) {
      sent += frames.length;
      if (socket.write(frames)) await new Promise((resolve) => setImmediate(resolve));
      else await next('drain');
    }
    socket.destroy();
  }
  return sent;
}

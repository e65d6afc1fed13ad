/**
 * Clients over TCP that send frames of a byte as fast as one process can: `node tiny-frames.js PORT KIND SECONDS CONNECTIONS`, and
 * tells how many bytes those were. KIND: `websocket` or `http2`.
 */
import { sendTinyFrames } from '../../test/support/tiny-frames.js';

const [port, kind, seconds, connections] = process.argv.slice(2);
const end = performance.now() + Number(seconds) * 1000;
const isOver = (): boolean => performance.now() >= end;
const one = () => sendTinyFrames(Number(port), kind as 'websocket' | 'http2', isOver);
const sent = await Promise.all(Array.from({ length: Number(connections) }, one));
process.send?.({ sent: sent.reduce((sum, bytes) => sum + bytes, 0) }, () => process.exit());

/**
 * Ten connections over TCP send frames of a byte as fast as one process can: loss and 99th percentile of the latency of 20 sessions
 * over HTTP/3 on the same shard. All are processes of their own, on one machine.
 */
import { flooded } from './support/flooded.js';

const all = await flooded({
  floods: ['none', 'websocket', 'http2'],
  host: ['1', 'tcp'],
  sessions: 20,
  rate: 50,
  seconds: Number(process.env.SECONDS_EACH ?? 6),
  flooder: (flood, port, seconds) => ['./tiny-frames.js', port, flood, String(seconds), '10'],
});
for (const { flood, sent, sessions } of all) {
  console.log(`${flood.padEnd(10)} ${(sent / 1e6).toFixed(1)} MB/s; ${sessions}`);
}

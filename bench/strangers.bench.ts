/**
 * One process sends packets that are of no client as fast as it can: loss and 99th percentile of the latency of 50 sessions, and
 * what a shard took of the flood a second. All are processes of their own, on one machine.
 */
import { flooded } from './support/flooded.js';

const all = await flooded({
  floods: ['none', 'stray', 'version', 'initial'],
  // Handshakes as they are where nothing is configured.
  host: ['1', 'udp', '{}', 'gated', JSON.stringify({ handshakes: {} })],
  sessions: 50,
  rate: 20,
  seconds: Number(process.env.SECONDS_EACH ?? 5),
  flooder: (flood, port, seconds) => ['./stranger.js', port, flood, String(seconds)],
});
const thousands = (count: number): string => (Math.round(count / 1000) * 1000).toLocaleString('en');
for (const { flood, sent, taken, sessions } of all) {
  console.log(`${flood.padEnd(8)} ${thousands(sent)} sent a second, ${thousands(taken)} taken; ${sessions}`);
}

/**
 * One of 51 sessions floods at 20 times its limit: loss and 99th percentile of the latency of the other 50, without it,
 * with it, and with the same flood at another host on this machine, in turns: what the load generator alone costs its
 * neighbours on two cores is not the gate's doing. All are processes of their own.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child, median } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS_EACH ?? 5);
const LIMIT = 64 * 1024;
const PACKET = 100;

type Flood = 'none' | 'here' | 'elsewhere';

interface Target {
  child: Child;
  hello: { url: string; hash: string };
}

const startHost = (): Promise<Target> =>
  Child.start('./bench-host.js', [
    '1',
    'udp',
    JSON.stringify({ minRateLimit: LIMIT, maxRateLimit: LIMIT, minBurst: LIMIT }),
  ]);

const startClient = ({ hello }: Target, sessions: number, rate: number, seconds: number) =>
  Child.start<LoadResult>('./flood-client.js', [
    `${hello.url}/echo?client=${sessions}`,
    hello.hash,
    String(sessions),
    String(rate),
    String(seconds),
  ]);

async function neighbours(flood: Flood): Promise<LoadResult> {
  const host = await startHost();
  const flooded = flood === 'elsewhere' ? await startHost() : host;
  const flooder = flood === 'none' ? null : startClient(flooded, 1, (20 * LIMIT) / PACKET, SECONDS + 1);
  const { hello: result } = await startClient(host, 50, 20, SECONDS);
  await flooder;
  host.child.stop();
  flooded.child.stop();
  return result;
}

const results: Record<Flood, LoadResult[]> = { none: [], here: [], elsewhere: [] };
for (let round = 0; round < ROUNDS; round++) {
  for (const flood of ['none', 'here', 'elsewhere'] as const) results[flood].push(await neighbours(flood));
}
const p99 = (flood: Flood) => median(results[flood].map(({ latency }) => latency.p99));
const loss = (flood: Flood) =>
  results[flood].reduce((sum, { lost }) => sum + lost, 0) / results[flood].reduce((sum, { sent }) => sum + sent, 0);
for (const flood of ['none', 'here', 'elsewhere'] as const) {
  const all = results[flood].map(({ latency }) => latency.p99).join(', ');
  console.log(
    `flood ${flood.padEnd(10)} p99 ${p99(flood).toFixed(2)} ms (${all}), loss ${(loss(flood) * 100).toFixed(3)} %`,
  );
}
console.log(`p99 with the flood, of without          ${(p99('here') / p99('none')).toFixed(2)} x`);
console.log(`p99 with the flood, of one elsewhere    ${(p99('here') / p99('elsewhere')).toFixed(2)} x`);

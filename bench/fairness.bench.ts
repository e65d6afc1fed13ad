/**
 * One of 51 sessions floods at 20 times its limit: loss and 99th percentile of the latency of the other 50, with and
 * without it, in turns. Server, neighbours and flooder are processes of their own.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child, median } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS_EACH ?? 5);
const LIMIT = 64 * 1024;
const PACKET = 100;

async function neighbours(flooded: boolean): Promise<LoadResult> {
  const { child: host, hello } = await Child.start<{ url: string; hash: string }>('./bench-host.js', [
    '1',
    'udp',
    JSON.stringify({ minRateLimit: LIMIT, maxRateLimit: LIMIT, minBurst: LIMIT }),
  ]);
  const client = (sessions: number, rate: number, seconds: number) =>
    Child.start<LoadResult>('./flood-client.js', [
      `${hello.url}/echo?client=${sessions}`,
      hello.hash,
      String(sessions),
      String(rate),
      String(seconds),
    ]);
  const flooder = flooded ? client(1, (20 * LIMIT) / PACKET, SECONDS + 1) : null;
  const { hello: result } = await client(50, 20, SECONDS);
  await flooder;
  host.stop();
  return result;
}

const quiet: LoadResult[] = [];
const loud: LoadResult[] = [];
for (let round = 0; round < ROUNDS; round++) {
  quiet.push(await neighbours(false));
  loud.push(await neighbours(true));
}
const p99 = (results: LoadResult[]) => median(results.map(({ latency }) => latency.p99));
const loss = (results: LoadResult[]) =>
  results.reduce((sum, { lost }) => sum + lost, 0) / results.reduce((sum, { sent }) => sum + sent, 0);
console.log(
  `p99 without the flood  ${p99(quiet).toFixed(2)} ms (${quiet.map(({ latency }) => latency.p99).join(', ')})`,
);
console.log(`p99 with it            ${p99(loud).toFixed(2)} ms (${loud.map(({ latency }) => latency.p99).join(', ')})`);
console.log(`ratio                  ${(p99(loud) / p99(quiet)).toFixed(2)} x`);
console.log(`loss with it           ${(loss(loud) * 100).toFixed(3)} %`);

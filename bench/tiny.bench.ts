/**
 * Ten connections over TCP send frames of a byte as fast as one process can: loss and 99th percentile of the latency of 20 sessions
 * over HTTP/3 on the same shard. All are processes of their own, on one machine.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS_EACH ?? 6);
const CONNECTIONS = 10;
const FLOODS = ['none', 'websocket', 'http2'] as const;
type Flood = (typeof FLOODS)[number];

interface Round {
  result: LoadResult;
  /** Bytes a second. */
  sent: number;
}

async function beside(flood: Flood): Promise<Round> {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js', ['1', 'tcp']);
  const { url, hash } = host.hello;
  const clients = Child.start<LoadResult>('./flood-client.js', [`${url}/echo`, hash, '20', '50', String(SECONDS)]);
  // They are in before it begins.
  await sleep(1000);
  const forSeconds = SECONDS - 1;
  const args = [new URL(url).port, flood, String(forSeconds), String(CONNECTIONS)];
  const floods = flood === 'none' ? null : Child.start<{ sent: number }>('./tiny-frames.js', args);
  const { hello: result } = await clients;
  const sent = ((await floods)?.hello.sent ?? 0) / forSeconds;
  host.child.stop();
  return { result, sent };
}

const rounds: Record<Flood, Round[]> = { none: [], websocket: [], http2: [] };
for (let round = 0; round < ROUNDS; round++) for (const flood of FLOODS) rounds[flood].push(await beside(flood));
for (const flood of FLOODS) {
  const of = (value: (round: Round) => number): number => median(rounds[flood].map(value));
  const lost = of(({ result }) => result.lost / result.sent);
  console.log(
    `${flood.padEnd(10)} ${of(({ sent }) => sent / 1e6).toFixed(1)} MB/s; 20 sessions: ` +
      `${(lost * 100).toFixed(2)} % lost, p99 ${of(({ result }) => result.latency.p99).toFixed(1)} ms`,
  );
}

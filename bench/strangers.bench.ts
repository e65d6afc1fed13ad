/**
 * One process sends packets that are of no client as fast as it can: loss and 99th percentile of the latency of 50 sessions, and
 * what a shard took of the flood a second. All are processes of their own, on one machine.
 */
import type { LoadResult } from '../src/cli/load/load-report.js';
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SECONDS = Number(process.env.SECONDS_EACH ?? 5);
const FLOODS = ['none', 'stray', 'version', 'initial'] as const;
type Flood = (typeof FLOODS)[number];

interface Round {
  result: LoadResult;
  /** Packets a second. */
  sent: number;
  taken: number;
}

async function beside(flood: Flood): Promise<Round> {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js', [
    '1',
    'udp',
    '{}',
    'gated',
    // As they are where nothing is configured.
    JSON.stringify({ handshakes: {} }),
  ]);
  const { url, hash } = host.hello;
  const clients = Child.start<LoadResult>('./flood-client.js', [`${url}/echo`, hash, '50', '20', String(SECONDS)]);
  // They are in before it begins.
  await sleep(1000);
  const forSeconds = SECONDS - 1;
  const stranger =
    flood === 'none'
      ? null
      : Child.start<{ sent: number }>('./stranger.js', [new URL(url).port, flood, String(forSeconds)]);
  const { hello: result } = await clients;
  const sent = ((await stranger)?.hello.sent ?? 0) / forSeconds;
  const { totals } = await host.child.ask<{ totals: { packetsIn: number } }>();
  host.child.stop();
  return { result, sent, taken: totals.packetsIn / forSeconds };
}

const rounds: Record<Flood, Round[]> = { none: [], stray: [], version: [], initial: [] };
for (let round = 0; round < ROUNDS; round++) for (const flood of FLOODS) rounds[flood].push(await beside(flood));
for (const flood of FLOODS) {
  const of = (value: (round: Round) => number): number => median(rounds[flood].map(value));
  const lost = of(({ result }) => result.lost / result.sent);
  const thousands = (count: number): string => (Math.round(count / 1000) * 1000).toLocaleString('en');
  console.log(
    `${flood.padEnd(8)} ${thousands(of(({ sent }) => sent))} sent a second, ${thousands(of(({ taken }) => taken))} taken; ` +
      `50 sessions: ${(lost * 100).toFixed(2)} % lost, p99 ${of(({ result }) => result.latency.p99).toFixed(1)} ms`,
  );
}

import type { LoadResult } from '../../src/cli/load/load-report.js';
import { Child, median, sleep } from './children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 3);

/** Sessions on a shard, and floods from one more process, each of them in turn. All are processes of their own, on one machine. */
export interface FloodPlan<Flood extends string> {
  /** `none` is no flood. */
  floods: readonly Flood[];
  /** Arguments of `bench-host.js`. */
  host: string[];
  sessions: number;
  /** Messages a second and session. */
  rate: number;
  seconds: number;
  /** Module and arguments of what floods a port for so many seconds, and tells how much it sent. */
  flooder(flood: Flood, port: string, seconds: number): [module: string, ...args: string[]];
}

/** Medians of the rounds of one flood. */
export interface Flooded<Flood> {
  flood: Flood;
  /** What was sent and, of packets, taken, a second. */
  sent: number;
  taken: number;
  /** What became of the sessions' messages, as text. */
  sessions: string;
}

interface Round {
  result: LoadResult;
  sent: number;
  taken: number;
}

async function beside<Flood extends string>(plan: FloodPlan<Flood>, flood: Flood): Promise<Round> {
  const host = await Child.start<{ url: string; hash: string }>('./bench-host.js', plan.host);
  const { url, hash } = host.hello;
  const numbers = [plan.sessions, plan.rate, plan.seconds].map(String);
  const clients = Child.start<LoadResult>('./flood-client.js', [`${url}/echo`, hash, ...numbers]);
  // They are in before it begins.
  await sleep(1000);
  const forSeconds = plan.seconds - 1;
  const [module, ...args] = plan.flooder(flood, new URL(url).port, forSeconds);
  const flooder = flood === 'none' ? null : Child.start<{ sent: number }>(module, args);
  const { hello: result } = await clients;
  const sent = ((await flooder)?.hello.sent ?? 0) / forSeconds;
  const { totals } = await host.child.ask<{ totals: { packetsIn: number } }>();
  host.child.stop();
  return { result, sent, taken: totals.packetsIn / forSeconds };
}

export async function flooded<Flood extends string>(plan: FloodPlan<Flood>): Promise<Flooded<Flood>[]> {
  const all = plan.floods.map((flood) => ({ flood, rounds: [] as Round[] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { flood, rounds } of all) rounds.push(await beside(plan, flood));
  }
  return all.map(({ flood, rounds }) => {
    const of = (value: (round: Round) => number): number => median(rounds.map(value));
    const lost = (of(({ result }) => result.lost / result.sent) * 100).toFixed(2);
    const p99 = of(({ result }) => result.latency.p99).toFixed(1);
    const sessions = `${plan.sessions} sessions: ${lost} % lost, p99 ${p99} ms`;
    return { flood, sent: of(({ sent }) => sent), taken: of(({ taken }) => taken), sessions };
  });
}

import { Child, median, sleep } from './children.js';

interface HostState {
  cpu: number;
  totals: { packetsIn: number };
}

/** What saturated echoes are measured on. */
export interface EchoRun {
  gate: 'gated' | 'ungated' | 'bare';
  config: object;
  path: string;
  sessions: number;
}

/** How long a client echoes before its turn is measured, ms. */
const LEAD_MS = 100;

/** A host and a client that saturates it with echoes of 100 bytes while it has its turn, and stands still otherwise. */
class EchoPair {
  private constructor(
    readonly host: Child,
    readonly client: Child,
  ) {}

  static async start({ gate, config, path, sessions }: EchoRun): Promise<EchoPair> {
    const args = ['1', 'udp', '{}', gate, JSON.stringify(config)];
    const { child: host, hello } = await Child.start<{ url: string; hash: string }>('./bench-host.js', args);
    const { child: client } = await Child.start('./echo-client.js', [
      hello.url,
      hello.hash,
      String(sessions),
      '1',
      path,
    ]);
    await client.ask();
    // Code gets hot.
    await sleep(1500);
    client.process.kill('SIGSTOP');
    return new EchoPair(host, client);
  }

  /** Microseconds of server CPU a packet in a turn of `ms`. */
  async turn(ms: number): Promise<number> {
    this.client.process.kill('SIGCONT');
    await sleep(LEAD_MS);
    const before = await this.host.ask<HostState>();
    await sleep(ms);
    // The counters are as old as the last heartbeat, 50 ms at most, on both ends.
    const after = await this.host.ask<HostState>();
    this.client.process.kill('SIGSTOP');
    return (after.cpu - before.cpu) / (after.totals.packetsIn - before.totals.packetsIn);
  }

  stop(): void {
    this.client.stop();
    this.host.stop();
  }
}

/** What an echo costs, and its ratio to that of the first kind in the same round. */
export interface EchoCost {
  /** Microseconds of server CPU a packet: the median of all rounds. */
  cost: number;
  /** The first kind's cost over this one's, a round. */
  ratios: number[];
}

/**
 * Compares kinds of hosts: all stand at once, and have short turns in every round, so that what the machine does meanwhile
 * meets them alike. The order changes from round to round.
 */
export async function compareEchoes(kinds: readonly EchoRun[], rounds: number, turnMs: number): Promise<EchoCost[]> {
  const pairs: EchoPair[] = [];
  try {
    for (const kind of kinds) pairs.push(await EchoPair.start(kind));
    const costs = kinds.map((): number[] => []);
    const inTurn = kinds.map((_, i) => i);
    for (let round = 0; round < rounds; round++) {
      for (const i of inTurn) costs[i].push(await pairs[i].turn(turnMs));
      inTurn.reverse();
    }
    return costs.map((values) => ({
      cost: median(values),
      ratios: values.map((value, round) => costs[0][round] / value),
    }));
  } finally {
    for (const pair of pairs) pair.stop();
  }
}

/** Ratios in a line: the middle of them, and where the inner half lies. */
export function spreadOf(ratios: readonly number[]): string {
  const sorted = [...ratios].sort((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))].toFixed(3);
  return `${median(sorted).toFixed(3)} (half of ${ratios.length} rounds within ${at(0.25)} to ${at(0.75)})`;
}

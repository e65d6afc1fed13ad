/** What profiles and functions cost an echo: server CPU a packet of a host without profiles, of one with them, in turns. */
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);
const SESSIONS = '100';

interface HostState {
  cpu: number;
  totals: { packetsIn: number };
}

const KINDS = {
  'bare gate': { gate: 'bare', config: { store: 'memory' }, path: 'echo' },
  'profiles in LMDB, functions defined': {
    gate: 'gated',
    config: { store: 'lmdb', functions: { mirror: { endpoint: 'echo' } } },
    path: 'echo',
  },
  'the same, through a function with criteria': {
    gate: 'gated',
    config: { store: 'lmdb', functions: { mirror: { endpoint: 'echo' } } },
    path: 'mirror',
  },
} as const;

/** Microseconds of server CPU a packet (an echo each). */
async function cost({ gate, config, path }: (typeof KINDS)[keyof typeof KINDS]): Promise<number> {
  const args = ['1', 'udp', '{}', gate, JSON.stringify(config)];
  const { child: host, hello } = await Child.start<{ url: string; hash: string }>('./bench-host.js', args);
  const { child: client } = await Child.start('./echo-client.js', [hello.url, hello.hash, SESSIONS, '1', path]);
  await client.ask();
  await sleep(1500);
  const before = await host.ask<HostState>();
  await sleep(SECONDS * 1000);
  const after = await host.ask<HostState>();
  client.stop();
  host.stop();
  return (after.cpu - before.cpu) / (after.totals.packetsIn - before.totals.packetsIn);
}

const names = Object.keys(KINDS) as (keyof typeof KINDS)[];
const costs = new Map(names.map((name) => [name, [] as number[]]));
for (let round = 0; round < ROUNDS; round++) {
  // The first of a round finds a colder machine: turns change.
  const order = round % 2 === 0 ? names : [...names].reverse();
  for (const name of order) costs.get(name)?.push(await cost(KINDS[name]));
}
const bare = costs.get('bare gate') as number[];
console.log(`${SESSIONS} sessions, datagrams of 100 bytes`);
for (const [name, values] of costs) {
  const ratios = values.map((value, round) => bare[round] / value);
  const list = ratios.map((ratio) => ratio.toFixed(2)).join(', ');
  console.log(
    `${name}: ${median(values).toFixed(2)} us a packet; echo of the bare gate's: ${median(ratios).toFixed(3)} (${list})`,
  );
}

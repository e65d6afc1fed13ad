/** What prediction, recording and training cost an echo: echoes a second of a host with them, of one without, in turns. */
import { availableParallelism } from 'node:os';
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS_EACH ?? 5);

interface HostState {
  cpu: number;
  totals: { packetsIn: number };
}

const OFF = { prediction: { enabled: false } };
// A trainer that is always at work, as far as it may.
const ON = { prediction: {}, training: { every: 1, minSequences: 40, cpuShare: 0.25 } };

/** Echoes a second. */
async function rate(config: object): Promise<number> {
  const { child: host, hello } = await Child.start<{ url: string; hash: string }>('./bench-host.js', [
    '1',
    'udp',
    '{}',
    'gated',
    JSON.stringify(config),
  ]);
  const { child: client } = await Child.start('./echo-client.js', [hello.url, hello.hash, '100', '1']);
  await client.ask();
  await sleep(2000);
  const before = await host.ask<HostState>();
  const started = performance.now();
  await sleep(SECONDS * 1000);
  const after = await host.ask<HostState>();
  const seconds = (performance.now() - started) / 1000;
  client.stop();
  host.stop();
  return (after.totals.packetsIn - before.totals.packetsIn) / seconds;
}

const ratios: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  // The first of a pair finds a colder machine: turns change.
  const isFirst = round % 2 === 0;
  const one = await rate(isFirst ? OFF : ON);
  const other = await rate(isFirst ? ON : OFF);
  ratios.push(isFirst ? other / one : one / other);
}
console.log(`${availableParallelism()} processors: one for the host's shard, one for the client, the rest to spare`);
console.log(
  `echo with prediction and training, of without: ${median(ratios).toFixed(3)} (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')})`,
);

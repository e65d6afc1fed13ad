/** What the gate costs an echo: server CPU with it, of server CPU without it, saturated, in turns. */
import { Child, median, sleep } from './support/children.js';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);

interface HostState {
  cpu: number;
  totals: { packetsIn: number };
}

/** Microseconds of server CPU a packet (an echo each). */
async function cost(gate: 'gated' | 'ungated'): Promise<number> {
  const { child: host, hello } = await Child.start<{ url: string; hash: string }>('./bench-host.js', [
    '1',
    'udp',
    '{}',
    gate,
  ]);
  const { child: client } = await Child.start('./echo-client.js', [hello.url, hello.hash, '100', '1']);
  await client.ask();
  await sleep(1000);
  const before = await host.ask<HostState>();
  await sleep(SECONDS * 1000);
  // The counters are as old as the last heartbeat, 50 ms at most, on both ends.
  const after = await host.ask<HostState>();
  client.stop();
  host.stop();
  return (after.cpu - before.cpu) / (after.totals.packetsIn - before.totals.packetsIn);
}

const ratios: number[] = [];
const [on, off]: [number[], number[]] = [[], []];
for (let round = 0; round < ROUNDS; round++) {
  // The first of a pair finds a colder machine: turns change.
  const order = round % 2 === 0 ? (['ungated', 'gated'] as const) : (['gated', 'ungated'] as const);
  for (const gate of order) (gate === 'gated' ? on : off).push(await cost(gate));
  ratios.push(off[round] / on[round]);
}
const list = (values: number[]) => values.map((value) => value.toFixed(2)).join(', ');
console.log(`gate on   ${median(on).toFixed(2)} us a packet (${list(on)})`);
console.log(`gate off  ${median(off).toFixed(2)} us a packet (${list(off)})`);
console.log(`echo with the gate, of without it: ${median(ratios).toFixed(3)} (${list(ratios)})`);

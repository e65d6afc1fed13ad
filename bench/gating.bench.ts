/** What the gate costs an echo: server CPU with it, of server CPU without it, saturated, in turns. */
import { median } from './support/children.js';
import { echoCost } from './support/echo-cost.js';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);

/** Microseconds of server CPU a packet (an echo each). */
const cost = async (gate: 'gated' | 'ungated'): Promise<number> =>
  await echoCost({ gate, config: {}, path: 'echo', sessions: 100, seconds: SECONDS });

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

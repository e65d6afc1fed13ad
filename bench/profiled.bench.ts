/** What profiles and functions cost an echo: server CPU a packet of a host without profiles, of one with them, in turns. */
import { median } from './support/children.js';
import { echoCost } from './support/echo-cost.js';

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = Number(process.env.SECONDS_EACH ?? 3);
const SESSIONS = 100;

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

const names = Object.keys(KINDS) as (keyof typeof KINDS)[];
const costs = new Map(names.map((name) => [name, [] as number[]]));
for (let round = 0; round < ROUNDS; round++) {
  // The first of a round finds a colder machine: turns change.
  const order = round % 2 === 0 ? names : [...names].reverse();
  for (const name of order) {
    costs.get(name)?.push(await echoCost({ ...KINDS[name], sessions: SESSIONS, seconds: SECONDS }));
  }
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

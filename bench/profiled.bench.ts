/** What profiles and functions cost an echo: server CPU a packet of a host without profiles, of one with them, in turns. */
import { compareEchoes, spreadOf } from './support/echo-cost.js';

const ROUNDS = Number(process.env.ROUNDS ?? 40);
const TURN_MS = Number(process.env.TURN_MS ?? 500);
const SESSIONS = 100;

const mapped = { store: 'lmdb', functions: { mirror: { endpoint: 'echo' } } };
const KINDS = [
  { name: 'bare gate', gate: 'bare', config: { store: 'memory' }, path: 'echo' },
  { name: 'profiles in LMDB, functions defined', gate: 'gated', config: mapped, path: 'echo' },
  { name: 'the same, through a function with criteria', gate: 'gated', config: mapped, path: 'mirror' },
] as const;

const runs = KINDS.map((kind) => ({ ...kind, sessions: SESSIONS }));
const costs = await compareEchoes(runs, ROUNDS, TURN_MS);
console.log(`${SESSIONS} sessions, datagrams of 100 bytes`);
for (const [i, { cost, ratios }] of costs.entries()) {
  console.log(`${KINDS[i].name}: ${cost.toFixed(2)} us a packet; echo of the bare gate's: ${spreadOf(ratios)}`);
}

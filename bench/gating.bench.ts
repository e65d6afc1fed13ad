/** What the gate costs an echo: server CPU with it, of server CPU without it, saturated, in turns. */
import { compareEchoes, spreadOf } from './support/echo-cost.js';

const ROUNDS = Number(process.env.ROUNDS ?? 40);
const TURN_MS = Number(process.env.TURN_MS ?? 500);

const echo = { config: {}, path: 'echo', sessions: 100 };
const [off, on] = await compareEchoes(
  [
    { gate: 'ungated', ...echo },
    { gate: 'gated', ...echo },
  ],
  ROUNDS,
  TURN_MS,
);
console.log(`gate on   ${on.cost.toFixed(2)} us a packet`);
console.log(`gate off  ${off.cost.toFixed(2)} us a packet`);
console.log(`echo with the gate, of without it: ${spreadOf(on.ratios)}`);

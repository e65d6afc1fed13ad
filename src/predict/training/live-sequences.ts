import { kindOf, type ReplaySequence } from '../store/replay-sequence.js';
import type { Sequence } from './flow-rows.js';
import { addErrorTargets, stepTargets } from './step-targets.js';

/** What was recorded live, with what came after each row, as it is trained on. Clients are what captures are elsewhere. */
export function liveSequence(replay: ReplaySequence): Sequence {
  const { client, columns, rows, up, down, happened, ended } = replay;
  const steps = Array.from(up, (_, tick) => {
    const targets = stepTargets(up, down, tick, null);
    addErrorTargets(targets, happened, tick, ended);
    return { features: rows.subarray(tick * columns, (tick + 1) * columns), targets };
  });
  return { capture: `${client} ${kindOf(replay)}`, flow: null, up, down, steps, events: new Map() };
}

import { writeFile } from 'node:fs/promises';
import { TidegateError } from '../../quic/errors.js';
import { comparePolicies, POLICIES, type PolicyName, type PolicyResult } from '../../scale/simulation/compare.js';
import { writing } from '../output.js';
import { readLoad } from './load-file.js';
import { plotTradeOff } from './trade-off-plot.js';

export interface SimulateOptions {
  policy: string;
  plot?: string;
  json?: boolean;
}

/** Policies that `--policy` names. Throws TIDEGATE_E_CONFIG. */
function policiesOf(text: string): PolicyName[] {
  return text.split(',').map((name) => {
    const policy = POLICIES.find((one) => one === name.trim());
    if (policy !== undefined) return policy;
    throw new TidegateError('TIDEGATE_E_CONFIG', `--policy ${name}: there is no such policy`, {
      hint: `there are ${POLICIES.join(', ')}`,
    });
  });
}

/** Runs `tidegate simulate`: plays load series through scaling policies, and compares them at the cost of the HPA. */
export async function simulate(files: readonly string[], { policy, plot, json }: SimulateOptions): Promise<void> {
  const names = policiesOf(policy);
  const all: { file: string; results: PolicyResult[] }[] = [];
  for (const file of files) {
    const results = comparePolicies(await readLoad(file), names);
    all.push({ file, results });
    for (const { curve: _, ...result } of json ? results : []) console.log(JSON.stringify({ file, ...result }));
    if (json) continue;
    console.log(`${file}: at the replica-minutes of the HPA with a target of 70 %`);
    for (const { name, minutesOver, loadOver, replicaMinutes, changes, atHpa70 } of results) {
      console.log(
        `  ${name.padEnd(10)}${minutesOver.toFixed(0).padStart(6)} minutes over (x${atHpa70.minutes.toFixed(2)}), ` +
          `load over x${atHpa70.load.toFixed(2)} (${loadOver.toFixed(0)}), ` +
          `${replicaMinutes.toFixed(0)} replica-minutes, ${changes.toFixed(0)} changes`,
      );
    }
  }
  if (plot === undefined) return;
  await writing(plot, () => writeFile(plot, plotTradeOff(all)));
}

import { writeFile } from 'node:fs/promises';
import { Random } from '../../numeric/random.js';
import { TidegateError } from '../../quic/errors.js';
import { podCapacity } from '../../scale/simulation/cluster.js';
import {
  comparePolicies,
  learnedPart,
  POLICIES,
  type PolicyName,
  type PolicyResult,
} from '../../scale/simulation/compare.js';
import { playFleetDay } from '../../scale/simulation/fleet-day.js';
import { writing } from '../output.js';
import { readLoad } from './load-file.js';
import { plotTradeOff } from './trade-off-plot.js';

export interface SimulateOptions {
  policy: string;
  plot?: string;
  json?: boolean;
  /** Plays fleets of up to so many hosts instead. */
  hosts?: number;
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

/** A day of fleets of ten hosts, a hundred, … up to `most`: what one of the hosts does for the forecast of all. */
async function simulateFleets(file: string, most: number, json: boolean): Promise<void> {
  const { parts } = await readLoad(file);
  if (!json) console.log(`${file}: a day of a fleet, for one of its hosts`);
  for (let hosts = 10; ; hosts = Math.min(most, hosts * 10)) {
    const day = playFleetDay(parts, Math.min(hosts, most), new Random(1).next);
    const { microseconds, bytesRead, sumError, forecastRatio } = day;
    console.log(
      json
        ? JSON.stringify({ file, ...day })
        : `  ${String(day.hosts).padStart(6)} hosts: ${microseconds.toFixed(0)} us and ${(bytesRead / 1024).toFixed(1)} KB an exchange, ` +
            `sum off by ${(sumError * 100).toFixed(1)} %, forecasts 5 min ahead x${forecastRatio.toFixed(3)} of who knows the sum`,
    );
    if (hosts >= most) return;
  }
}

/** Runs `tidegate simulate`: plays load series through scaling policies, and compares them at the cost of the HPA. */
export async function simulate(files: readonly string[], options: SimulateOptions): Promise<void> {
  const { policy, plot, json, hosts } = options;
  if (hosts !== undefined) {
    for (const file of files) await simulateFleets(file, hosts, json ?? false);
    return;
  }
  const names = policiesOf(policy);
  const all: { file: string; results: PolicyResult[] }[] = [];
  for (const file of files) {
    const load = await readLoad(file);
    if (podCapacity(load.minutes, learnedPart(load.minutes)) === 0) {
      throw new TidegateError('TIDEGATE_E_REPLAY', `${file} holds nothing but zeros in its first part`, {
        hint: 'what a pod carries is told by it',
      });
    }
    const results = comparePolicies(load, names);
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

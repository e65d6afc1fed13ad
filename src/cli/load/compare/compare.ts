import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NodeClient } from '../../../client/node-client.js';
import type { HostConfigInput } from '../../../host/config.js';
import { TidegateError } from '../../../quic/errors.js';
import { prepareHistory } from './history.js';
import { playVisit } from './played-visit.js';
import { equalPolicies, POLICIES, type PolicyName } from './policies.js';
import { type PolicyResult, PolicyScores } from './policy-scores.js';
import { type RecordedVisit, readVisits, sampled } from './recorded-visits.js';

/** What `tidegate load --compare` was told. */
export interface CompareOptions {
  compare: string;
  replay?: string;
  limit?: number;
  speed: number;
  duration: number;
  model?: string;
  json?: boolean;
}

const VISITS = 300;
/** Of a visit, s of the recording at speed 1. */
const VISIT_SECONDS = 60;
/** Of the peak that the visits would reach together: what a shard takes. */
const CAPACITY = 0.8;
/** bytes of buffers a session that the budget allows for, on average. */
const BUDGET_EACH = 16_384;
const SOCKETS = 4;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Served {
  child: ChildProcess;
  url: string;
  certificateHash: string;
  adminUrl: string;
}

/** When each visit begins, ms: spread evenly over the duration, the same for all policies. */
function startsOf(visits: readonly RecordedVisit[], { duration }: CompareOptions): number[] {
  return visits.map((_, i) => (duration * 1000 * i) / visits.length);
}

/** The most bytes that come in a second, if nothing is held back. */
function peakOf(visits: readonly RecordedVisit[], starts: readonly number[], speed: number): number {
  const seconds = new Map<number, number>();
  visits.forEach(({ times, sizes }, i) => {
    times.forEach((time, k) => {
      const second = Math.floor((starts[i] + time / speed) / 1000);
      seconds.set(second, (seconds.get(second) ?? 0) + sizes[k]);
    });
  });
  return Math.max(...seconds.values());
}

async function serve(folder: string, config: HostConfigInput): Promise<Served> {
  const file = join(folder, 'config.json');
  await writeFile(file, JSON.stringify(config));
  const args = ['serve', '--config', file, '--port', '0', '--admin-port', '0', '--json'];
  const child = spawn(process.execPath, [process.argv[1], ...args, '--data-dir', join(folder, 'data')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { stdout } = child;
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new TidegateError('TIDEGATE_E_SERVE', `the host ended with ${code}`)));
  });
  return { child, ...(JSON.parse(line) as Omit<Served, 'child'>) };
}

/** A metric's sum over its labels. */
async function metric({ adminUrl }: Served, name: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const values = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function run(
  policy: PolicyName,
  folder: string,
  config: HostConfigInput,
  visits: readonly RecordedVisit[],
  starts: readonly number[],
  speed: number,
): Promise<PolicyResult> {
  const host = await serve(folder, config);
  const scores = new PolicyScores();
  const clients: NodeClient[] = [];
  try {
    for (let i = 0; i < SOCKETS; i++) {
      clients.push(await NodeClient.create({ certificateHashes: [host.certificateHash] }));
    }
    let isOver = false;
    const sampling = (async () => {
      while (!isOver) {
        scores.buffered(await metric(host, 'tidegate_buffered_settings_bytes'));
        await sleep(1000);
      }
    })();
    const begun = performance.now();
    await Promise.all(
      visits.map(async (visit, i) => {
        await sleep(Math.max(0, begun + starts[i] - performance.now()));
        await playVisit(clients[i % SOCKETS], host.url, visit, speed, scores);
      }),
    );
    isOver = true;
    await sampling;
    return scores.result(policy, await metric(host, 'tidegate_datagrams_dropped_total'));
  } finally {
    for (const client of clients) await client.close();
    host.child.kill('SIGKILL');
  }
}

function policiesOf(text: string): PolicyName[] {
  const names = text.split(',');
  const unknown = names.find((name) => !(POLICIES as readonly string[]).includes(name));
  if (unknown === undefined) return names as PolicyName[];
  throw new TidegateError('TIDEGATE_E_CONFIG', `--compare names ${unknown}`, {
    hint: `there are ${POLICIES.join(', ')}`,
  });
}

/**
 * Runs `tidegate load --replay FILE --compare static,ewma,predicted`: recorded clients that come back are played against a host
 * for each policy, all of which know the same history (but static, which uses none), grant the same limits in sum at the
 * openings, and have the same memory budget and capacity.
 */
export async function compare(options: CompareOptions, print = (line: string) => console.log(line)): Promise<void> {
  const { replay, speed, limit = VISITS, model, json } = options;
  if (replay === undefined) throw new TidegateError('TIDEGATE_E_CONFIG', '--compare needs --replay FILE');
  const names = policiesOf(options.compare);
  const { history, later } = await readVisits(replay);
  const visits = sampled(later, limit, VISIT_SECONDS);
  const starts = startsOf(visits, options);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-compare-'));
  try {
    const known = join(folder, 'known');
    const prepared = await prepareHistory(join(known, 'data'), history);
    const policies = equalPolicies(prepared, visits);
    await prepared.profiler.close();
    const rate = peakOf(visits, starts, speed) * CAPACITY;
    const concurrent = Math.min(visits.length, (visits.length * VISIT_SECONDS) / speed / Math.max(options.duration, 1));
    const shared: HostConfigInput = {
      shards: 1,
      tcp: false,
      capacity: { in: { rate } },
      memoryBudget: Math.ceil(concurrent * BUDGET_EACH),
      training: { enabled: false },
    };
    if (!json) {
      print(`${history.length} visits as history, ${visits.length} played, capacity ${Math.round(rate / 1024)} KB/s`);
    }
    const results: PolicyResult[] = [];
    for (const name of names) {
      const own = join(folder, name);
      await cp(known, own, { recursive: true });
      const { prediction, ...config } = policies[name];
      const withModel = name === 'predicted' && model !== undefined ? { ...prediction, model } : prediction;
      const full = { ...shared, ...config, ...(withModel === undefined ? {} : { prediction: withModel }) };
      results.push(await run(name, own, full, visits, starts, speed));
      if (!json) print(describe(results.at(-1) as PolicyResult));
    }
    const ratios = ratiosOf(results);
    if (json) print(JSON.stringify({ results, ratios }));
    else if (ratios !== null) print(describeRatios(ratios));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Ratios = Record<'delayedBytes' | 'firstMessageP99' | 'latencyP99' | 'bufferMemory', number>;

/** Predicted, of averages. */
function ratiosOf(results: readonly PolicyResult[]): Ratios | null {
  const of = (name: PolicyName) => results.find(({ policy }) => policy === name);
  const [predicted, ewma] = [of('predicted'), of('ewma')];
  if (predicted === undefined || ewma === undefined) return null;
  const ratio = (key: keyof Ratios): number => Number((predicted[key] / Math.max(ewma[key], 1e-9)).toFixed(3));
  return {
    delayedBytes: ratio('delayedBytes'),
    firstMessageP99: ratio('firstMessageP99'),
    latencyP99: ratio('latencyP99'),
    bufferMemory: ratio('bufferMemory'),
  };
}

function describe(result: PolicyResult): string {
  const { policy, sessions, refusedSessions, bytes, delayedBytes, droppedDatagrams, lostMessages } = result;
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return [
    `${policy}: ${sessions} sessions (${refusedSessions} refused), ${result.messages} messages, ${lostMessages} lost`,
    `  delayed ${((100 * delayedBytes) / Math.max(bytes, 1)).toFixed(1)} % of the bytes, ${droppedDatagrams} datagrams dropped`,
    `  first message p50 ${ms(result.firstMessageP50)}, p99 ${ms(result.firstMessageP99)}; all p50 ${ms(result.latencyP50)}, p99 ${ms(result.latencyP99)}`,
    `  buffers ${(result.bufferMemory / 1024).toFixed(0)} KB`,
  ].join('\n');
}

function describeRatios({ delayedBytes, firstMessageP99, latencyP99, bufferMemory }: Ratios): string {
  return `predicted, of ewma: delayed bytes ${delayedBytes}, first message p99 ${firstMessageP99}, p99 ${latencyP99}, buffers ${bufferMemory}`;
}

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
import { configOf, equalAtOpening, POLICIES, type PolicyName } from './policies.js';
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
  /** What is the same for all: the sum of the limits at the openings, or the mean over the run as well. */
  equal: 'openings' | 'mean';
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
/** Limits that differ by no more are the same; so often predicted is played. */
const CLOSE = 0.05;
const TRIES = 4;

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
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { stdout, stderr } = child;
  let said = '';
  createInterface({ input: stderr }).on('line', (line) => {
    said = line;
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('close', (code) =>
      reject(new TidegateError('TIDEGATE_E_SERVE', `the host ended with ${code}: ${said}`)),
    );
  });
  return { child, ...(JSON.parse(line) as Omit<Served, 'child'>) };
}

/** Metrics, each summed over its labels. */
async function metrics({ adminUrl }: Served, names: readonly string[]): Promise<number[]> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return names.map((name) => {
    const values = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  });
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
        const [sessions, limits, buffers] = await metrics(host, [
          'tidegate_sessions',
          'tidegate_granted_bytes_per_second',
          'tidegate_buffered_settings_bytes',
        ]);
        scores.granted(sessions, limits, buffers);
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
    const [dropped] = await metrics(host, ['tidegate_datagrams_dropped_total']);
    return scores.result(policy, dropped);
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
 * for each policy, all of which know the same history (but static, which uses none), have the same memory budget and capacity,
 * and grant the same limits in sum at the openings. With `--equal mean` they grant the same on average over the run too:
 * predicted is tried again with another factor where it was off.
 */
export async function compare(options: CompareOptions, print = (line: string) => console.log(line)): Promise<void> {
  const { replay, speed, limit = VISITS, model, json } = options;
  if (replay === undefined) throw new TidegateError('TIDEGATE_E_CONFIG', '--compare needs --replay FILE');
  const names = policiesOf(options.compare);
  const { history, later } = await readVisits(replay);
  const visits = sampled(later, limit, VISIT_SECONDS);
  if (history.length === 0 || visits.length === 0) {
    throw new TidegateError('TIDEGATE_E_REPLAY', `${replay} holds no client that comes back`, {
      hint: 'the earlier visits are the history by which the later ones are played',
    });
  }
  const starts = startsOf(visits, options);
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-compare-'));
  try {
    const known = join(folder, 'known');
    const prepared = await prepareHistory(join(known, 'data'), history);
    const { knobs, buffer } = equalAtOpening(prepared, visits);
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
      print(`${history.length} visits as history, ${visits.length} played, capacity ${(rate / 1024).toFixed(1)} KB/s`);
    }
    const play = async (name: PolicyName, knob: number): Promise<PolicyResult> => {
      const own = join(folder, name);
      await rm(own, { recursive: true, force: true });
      await cp(known, own, { recursive: true });
      const config = configOf(name, knob, buffer);
      const prediction = name === 'predicted' && model !== undefined ? { model } : config.prediction;
      const full = { ...shared, ...config, ...(prediction === undefined ? {} : { prediction }) };
      const result = await run(name, own, full, visits, starts, speed);
      if (!json) print(describe(result));
      return result;
    };
    const results: PolicyResult[] = [];
    // What averages grant is the measure of the others.
    const order = POLICIES.filter((name) => names.includes(name)).sort((a) => (a === 'ewma' ? -1 : 0));
    for (const name of order) {
      const average = results.find(({ policy }) => policy === 'ewma')?.grantedLimit;
      const wanted = options.equal === 'mean' ? average : undefined;
      results.push(await playAtLimit(name, knobs[name], wanted, play));
    }
    const ratios = ratiosOf(results);
    if (json) print(JSON.stringify({ results, ratios }));
    else if (ratios !== null) print(describeRatios(ratios));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Plays a policy so that it grants `wanted` (bytes/s a session, mean; undefined: whatever it does). */
async function playAtLimit(
  name: PolicyName,
  knob: number,
  wanted: number | undefined,
  play: (name: PolicyName, knob: number) => Promise<PolicyResult>,
): Promise<PolicyResult> {
  if (wanted === undefined) return await play(name, knob);
  if (name === 'static') return await play(name, wanted);
  let factor = knob;
  for (let tries = 1; ; tries++) {
    const result = await play(name, factor);
    const share = wanted / Math.max(result.grantedLimit, 1);
    if (Math.abs(share - 1) <= CLOSE || tries === TRIES) return result;
    factor *= share;
  }
}

type Ratios = Record<'delayedBytes' | 'firstMessageP99' | 'latencyP99' | 'grantedLimit' | 'bufferMemory', number>;

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
    grantedLimit: ratio('grantedLimit'),
    bufferMemory: ratio('bufferMemory'),
  };
}

function describe(result: PolicyResult): string {
  const { policy, sessions, refusedSessions, bytes, delayedBytes, droppedDatagrams, unanswered } = result;
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return [
    `${policy}: ${sessions} sessions (${refusedSessions} refused), ${result.messages} messages, ${unanswered} given up`,
    `  delayed ${((100 * delayedBytes) / Math.max(bytes, 1)).toFixed(1)} % of the bytes, ${droppedDatagrams} datagrams dropped`,
    `  first message p50 ${ms(result.firstMessageP50)}, p99 ${ms(result.firstMessageP99)}; all p50 ${ms(result.latencyP50)}, p99 ${ms(result.latencyP99)}`,
    `  limit ${(result.grantedLimit / 1024).toFixed(1)} KB/s a session, buffers ${(result.bufferMemory / 1024).toFixed(0)} KB`,
  ].join('\n');
}

function describeRatios(ratios: Ratios): string {
  const { delayedBytes, firstMessageP99, latencyP99, grantedLimit, bufferMemory } = ratios;
  return `predicted, of ewma: delayed bytes ${delayedBytes}, first message p99 ${firstMessageP99}, p99 ${latencyP99}, limit ${grantedLimit}, buffers ${bufferMemory}`;
}

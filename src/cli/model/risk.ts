import { writeFile } from 'node:fs/promises';
import { SingleBar } from 'cli-progress';
import { SessionTable } from '../../core/session-table.js';
import { Random } from '../../numeric/random.js';
import { ABUSE_KINDS } from '../../predict/evaluation/abuse-shapes.js';
import { fitScale, isAlarmed, poissonUpper, type RiskScores, scoreRisk } from '../../predict/evaluation/risk-scores.js';
import {
  abusiveSession,
  habitsOf,
  type Played,
  playTrials,
  type Trial,
  type TrialSession,
  withHabits,
} from '../../predict/evaluation/risk-trials.js';
import { Forecaster } from '../../predict/forecaster.js';
import { AXES, AXIS_COUNT } from '../../predict/risk/axes.js';
import { leadingAxes, type RiskScale, usualOf } from '../../predict/risk/risk-scale.js';
import { BASE_MODEL, readPlainModel } from '../../predict/store/model-store.js';
import { TidegateError } from '../../quic/errors.js';
import { readLines } from '../lines.js';
import { writing } from '../output.js';
import { readFlows } from './flow-file.js';
import { reliabilityPlot } from './reliability-plot.js';

export interface RiskOptions {
  labels?: string;
  requests?: string;
  model?: string;
  fit?: string;
  seed: number;
  verbose?: boolean;
  ablate?: boolean;
  plot?: string;
  json?: boolean;
}

/** Captures of malware, scans and attacks are not ordinary. */
const NOT_ORDINARY =
  /malware|emotet|exploit|malicious|scan|crash|manipulated|monero|craziness|tunnel\.|portable_exec|exe_download/i;

/** Share of sessions that are abusive where risks are compared with the truth. */
const PREVALENCE = 0.02;

/** Abusive sessions a kind. */
const EACH = 60;

/** ms of silence that part two visits, and the longest session. */
const SILENCE = 300_000;
const LONGEST = 3_600_000;

/** Ordinary sessions of a function that abusive ones are played in: its habits are known. */
const KNOWN = 200;

/** Sessions that play a recording. */
const COPIES = 6;

/** Bytes of a request beside its URL. */
const REQUEST_BYTES = 80;

/** Every so many captures, hours of requests and abusive clients one is kept for the test. */
const PARTS = 2;

async function ordinaryFlows(path: string, labels: string | undefined): Promise<TrialSession[]> {
  const flows = (await readFlows(path, labels)).filter(({ capture }) => !NOT_ORDINARY.test(capture));
  return flows.map(({ name, capture, application, times, out, bytes }) => ({
    name: `flow ${name} of ${capture}`,
    group: capture,
    // What the flow was used for stands for its function.
    functionId: application ?? '',
    kind: null,
    onset: 0,
    period: 0,
    packets: times
      .map((at, i): Played => ({ at, what: out[i] ? 'out' : 'in', bytes: bytes[i] }))
      .filter(({ at }) => at < LONGEST),
  }));
}

type Visit = TrialSession & { from: number; last: number };

/** Requests of a log as sessions: a client's, until it is silent for long. Whole seconds are spread over theirs. */
async function ordinaryRequests(path: string, random: () => number): Promise<TrialSession[]> {
  const open = new Map<string, Visit>();
  const sessions: TrialSession[] = [];
  let columns: Record<'host' | 'time' | 'url' | 'response' | 'bytes', number> | null = null;
  for await (const line of readLines(path)) {
    const fields = line.split('\t');
    if (columns === null) {
      const at = (name: string): number => fields.indexOf(name);
      columns = { host: at('host'), time: at('time'), url: at('url'), response: at('response'), bytes: at('bytes') };
      if (Object.values(columns).includes(-1)) {
        throw new TidegateError('TIDEGATE_E_REPLAY', `${path}: the first line is "${line.slice(0, 80)}"`, {
          hint: 'it has to name the columns host, time, url, response and bytes, parted by tabs',
        });
      }
      continue;
    }
    const host = fields[columns.host];
    const time = Number(fields[columns.time]) * 1000;
    let session = open.get(host);
    if (session === undefined || time - session.last >= SILENCE || time - session.from >= LONGEST) {
      const group = `hour ${Math.floor(time / 3_600_000)}`;
      const visit: Visit = {
        name: `requests of ${host}`,
        group,
        functionId: 'requests',
        kind: null,
        onset: 0,
        period: 0,
        packets: [],
        from: time,
        last: time,
      };
      session = visit;
      open.set(host, visit);
      sessions.push(visit);
    }
    session.last = time;
    const at = time - session.from + 1000 * random();
    session.packets.push({ at, what: 'in', bytes: REQUEST_BYTES + fields[columns.url].length });
    if (fields[columns.response].startsWith('4')) session.packets.push({ at, what: 'refused', bytes: 0 });
    session.packets.push({ at: at + 1, what: 'out', bytes: Number(fields[columns.bytes]) || 0 });
  }
  for (const { packets } of sessions) packets.sort((a, b) => a.at - b.at);
  return sessions;
}

/** Abusive clients of functions that ordinary ones have; half of them behave for a while first. */
function abusive(ordinary: readonly TrialSession[], random: () => number): TrialSession[] {
  const sessions = new Map<string, number>();
  for (const { functionId } of ordinary) sessions.set(functionId, (sessions.get(functionId) ?? 0) + 1);
  const known = ordinary.filter(({ functionId }) => (sessions.get(functionId) ?? 0) >= KNOWN);
  const any = (): TrialSession => known[Math.floor(random() * known.length)];
  return ABUSE_KINDS.flatMap((kind) =>
    Array.from({ length: EACH }, (_, i) => {
      const { functionId, packets } = any();
      if (kind !== 'replay') {
        const before = i % 2 === 0 ? [] : packets.filter(({ at }) => at < 30_000);
        return [abusiveSession(kind, i, random, functionId, before)];
      }
      // The recording is played by several sessions of one client; it is the later ones that can be told.
      const seed = Math.floor(random() * 2 ** 31);
      return Array.from({ length: COPIES }, (_, copy) => {
        const session = abusiveSession(kind, i, new Random(seed).next, functionId);
        return copy < COPIES - 1 ? { ...session, name: `first ${session.name}` } : session;
      });
    }).flat(),
  );
}

const partOf = ({ group }: { group: string }): number => {
  let hash = 7;
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) >>> 0;
  return (hash >>> 3) % PARTS;
};

function print(title: string, scores: RiskScores): void {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  console.log(`${title}: abuse found ${percent(scores.foundInAll)} of the time`);
  console.log(
    `  ${Object.entries(scores.found)
      .map(([kind, share]) => `${kind} ${percent(share)}`)
      .join(', ')}`,
  );
  console.log(
    `  false alarms ${scores.falseAlarms} in ${scores.hours.toFixed(1)} session-hours: ` +
      `${scores.falseAlarmsIn10Hours.toFixed(2)} in 10 (95 %: below ${scores.upperBoundIn10Hours.toFixed(2)})`,
  );
  console.log(
    `  prevalence ${scores.prevalence}: calibration error ${scores.calibrationError.toFixed(3)}, ` +
      `Brier skill ${scores.brierSkill.toFixed(3)}`,
  );
}

/** Which sessions were judged wrongly, and why. */
function explain(trials: readonly Trial[], scale: RiskScale): void {
  const usual = usualOf(scale);
  for (const trial of trials) {
    if (isAlarmed(scale, trial) === (trial.kind !== null)) continue;
    const most = new Float32Array(AXIS_COUNT).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < trial.values.length; i++) {
      most[i % AXIS_COUNT] = Math.max(most[i % AXIS_COUNT], trial.values[i]);
    }
    const why = leadingAxes(scale, usual, most)
      .slice(0, 3)
      .map(([i, excess]) => `${AXES[i].name} ${excess.toFixed(1)}`);
    console.log(`  ${trial.kind === null ? 'false alarm' : 'missed'}: ${trial.name} (${why.join(', ') || 'nothing'})`);
  }
}

/** Trials whose sessions were never looked at in one axis. */
function withoutAxis(trials: readonly Trial[], axis: number): Trial[] {
  return trials.map((trial) => ({
    ...trial,
    values: trial.values.map((value, i) => (i % AXIS_COUNT === axis ? 0 : value)),
  }));
}

/** What each axis is worth: what is found without it, and the false alarms. */
function ablate(parts: readonly { learned: Trial[]; judged: Trial[] }[]): void {
  console.log('without an axis, both halves: abuse found, the kind that is found least, false alarms');
  AXES.forEach(({ name }, axis) => {
    const scores = parts.map(({ learned, judged }) =>
      scoreRisk(fitScale(withoutAxis(learned, axis), PREVALENCE), withoutAxis(judged, axis), PREVALENCE),
    );
    const mean = (of: (scores: RiskScores) => number): number =>
      scores.reduce((sum, each) => sum + of(each), 0) / scores.length;
    const kinds = ABUSE_KINDS.map((kind) => [kind, mean(({ found }) => found[kind] ?? 1)] as const);
    const [worst, share] = kinds.reduce((a, b) => (b[1] < a[1] ? b : a));
    const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;
    const alarms = scores.reduce((sum, { falseAlarms }) => sum + falseAlarms, 0);
    console.log(
      `  ${name.padEnd(20)}${percent(mean(({ foundInAll }) => foundInAll))}  ${worst} ${percent(share)}  ${alarms}`,
    );
  });
}

/**
 * Runs `tidegate eval --risk`: ordinary sessions and abusive ones go through the core, the model and the axes; what is
 * ordinary and how risks are calibrated is learned on one half and scored on the other, then with each kind of abuse
 * left out of the calibration. `--fit` writes what is learned on all.
 */
export async function evaluateRisk(path: string, options: RiskOptions): Promise<void> {
  const random = new Random(options.seed).next;
  const flows = await ordinaryFlows(path, options.labels);
  const ordinary = [
    ...flows,
    ...(options.requests === undefined ? [] : await ordinaryRequests(options.requests, random)),
  ].filter(({ packets }) => packets.length > 0);
  const sessions = [...ordinary, ...abusive(ordinary, random)];
  const { features } = new SessionTable(1).layout;
  const forecaster = await Forecaster.create(
    (await readPlainModel(options.model ?? BASE_MODEL)).bytes,
    features.length,
  );
  const bar = new SingleBar({ format: '{bar} {value} of {total} s', stream: process.stderr });
  if (process.stderr.isTTY) bar.start(LONGEST / 1000, 0);
  const played = await playTrials(sessions, forecaster, (second) => bar.isActive && bar.update(second));
  bar.stop();
  await forecaster.release();
  const trials = played.filter(({ name }) => !name.startsWith('first '));
  const parts = Array.from({ length: PARTS }, (_, part) => {
    const learned = trials.filter((trial) => partOf(trial) !== part);
    const habits = habitsOf(learned.filter(({ kind }) => kind === null));
    const seen = withHabits(learned, habits);
    const judged = trials.filter((trial) => partOf(trial) === part);
    return { learned: seen, scale: fitScale(seen, PREVALENCE), judged: withHabits(judged, habits) };
  });
  const results = parts.map(({ scale, judged }) => scoreRisk(scale, judged, PREVALENCE));
  const heldOut = ABUSE_KINDS.map((kind) => {
    const shares = parts.map(({ learned, judged }) => {
      const scale = fitScale(
        learned.filter((trial) => trial.kind !== kind),
        PREVALENCE,
      );
      return scoreRisk(
        scale,
        judged.filter((trial) => trial.kind === kind || trial.kind === null),
        PREVALENCE,
      ).foundInAll;
    });
    return [kind, shares.reduce((a, b) => a + b, 0) / shares.length] as const;
  });
  if (options.json) console.log(JSON.stringify({ parts: results, heldOut: Object.fromEntries(heldOut) }));
  else {
    results.forEach((scores, part) => {
      print(`half ${part + 1}, learned on the other`, scores);
    });
    const alarms = results.reduce((sum, { falseAlarms }) => sum + falseAlarms, 0);
    const hours = results.reduce((sum, scores) => sum + scores.hours, 0);
    console.log(
      `both halves: false alarms ${alarms} in ${hours.toFixed(1)} session-hours: ${((alarms / hours) * 10).toFixed(2)} in 10 ` +
        `(95 %: below ${((poissonUpper(alarms) / hours) * 10).toFixed(2)})`,
    );
    console.log(`found where the calibration knew nothing of the kind:`);
    console.log(`  ${heldOut.map(([kind, share]) => `${kind} ${(share * 100).toFixed(0)} %`).join(', ')}`);
    if (options.verbose) for (const { scale, judged } of parts) explain(judged, scale);
  }
  if (options.ablate) ablate(parts);
  const { fit, plot } = options;
  if (plot !== undefined) {
    const halves = results.map((scores, part) => ({ title: `half ${part + 1}`, scores }));
    await writing(plot, () => writeFile(plot, reliabilityPlot(halves)));
  }
  if (fit === undefined) return;
  const all = fitScale(withHabits(trials, habitsOf(trials.filter(({ kind }) => kind === null))), PREVALENCE);
  const short = (value: number): number => Number(value.toPrecision(5));
  const scale = {
    axes: all.axes.map(({ name, usual, scale }) => ({ name, usual: short(usual), scale: short(scale) })),
    calibration: all.calibration.map(([suspicion, risk]) => [short(suspicion), short(risk)]),
  };
  await writing(fit, () => writeFile(fit, `${JSON.stringify(scale, null, 2)}\n`));
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SingleBar } from 'cli-progress';
import { SeriesDetector } from '../../predict/anomaly/series-detector.js';
import { ALL_EVIDENCE, EVIDENCE } from '../../predict/anomaly/series-evidence.js';
import { CHOICE_STEPS, chooseByFolder } from '../../predict/evaluation/anomaly-choice.js';
import { nabScore, type ScoredSeries } from '../../predict/evaluation/nab-score.js';
import { TidegateError } from '../../quic/errors.js';
import { readLines } from '../lines.js';
import { writeOutput } from '../output.js';

export interface AnomalyOptions {
  out?: string;
  labels?: string;
  ablate?: boolean;
  cross?: boolean;
  json?: boolean;
}

/** A series of the benchmark. */
interface Series {
  /** `folder/file.csv`. */
  name: string;
  stamps: string[];
  /** Seconds. */
  times: Float64Array;
  values: Float64Array;
}

const DIGITS = 9;

const linesOf = async (path: string): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of readLines(path)) lines.push(line);
  return lines;
};

const broken = (path: string, why: string, hint: string): TidegateError =>
  new TidegateError('TIDEGATE_E_SERIES', `${path}: ${why}`, { hint });

/** Seconds of `2014-04-01 00:00:00`, in whatever zone the series is; or of a number of seconds. */
function secondsOf(stamp: string): number {
  if (/^\d+(\.\d+)?$/.test(stamp)) return Number(stamp);
  const [, minute, second = ':00'] = /^(\d{4}-\d\d-\d\d[ T]\d\d:\d\d)(:\d\d)?/.exec(stamp) ?? [];
  return minute === undefined ? Number.NaN : Date.parse(`${minute.replace(' ', 'T')}${second}Z`) / 1000;
}

async function readSeries(folder: string, name: string): Promise<Series> {
  const path = join(folder, name);
  const [header = '', ...rest] = await linesOf(path);
  const lines = rest.filter((line) => line !== '');
  const columns = header.split(',').map((column) => column.trim());
  const [time, value] = [columns.indexOf('timestamp'), columns.indexOf('value')];
  if (time < 0 || value < 0) {
    throw broken(path, `the first line is "${header.slice(0, 80)}"`, 'it has to name the columns timestamp,value');
  }
  const series = {
    name: name.replace(/\.gz$/, ''),
    stamps: [] as string[],
    times: new Float64Array(lines.length),
    values: new Float64Array(lines.length),
  };
  lines.forEach((line, i) => {
    const fields = line.split(',');
    const stamp = (fields[time] ?? '').trim();
    series.stamps.push(stamp);
    series.times[i] = secondsOf(stamp);
    series.values[i] = fields[value]?.trim() ? Number(fields[value]) : Number.NaN;
    if (Number.isNaN(series.times[i])) {
      throw broken(path, `line ${i + 2} has the time "${stamp}"`, 'write 2026-01-31 23:59:00, or seconds');
    }
  });
  return series;
}

async function allSeries(folder: string): Promise<Series[]> {
  let names: string[];
  try {
    names = await readdir(folder, { recursive: true });
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_SERIES', `can't read ${folder}: ${(cause as Error).message}`, {
      hint: 'give a folder with <folder>/<file>.csv, or .csv.gz',
      cause,
    });
  }
  const files = names.filter((name) => /^[^/]+\/[^/]+\.csv(\.gz)?$/.test(name)).sort();
  if (files.length === 0) throw broken(folder, 'no series in it', 'they are looked for as <folder>/<file>.csv[.gz]');
  return await Promise.all(files.map(async (name) => await readSeries(folder, name)));
}

function detect({ times, values }: Series, used?: readonly number[]): Float64Array {
  const detector = new SeriesDetector(used);
  return values.map((value, i) => detector.update(times[i], value));
}

async function write(folder: string, series: Series, scores: Float64Array): Promise<void> {
  const path = join(folder, series.name);
  const rows = series.stamps.map((stamp, i) => `${stamp},${series.values[i]},${Number(scores[i].toPrecision(DIGITS))}`);
  await writeOutput(path, `timestamp,value,anomaly_score\n${rows.join('\n')}\n`);
}

/** The windows of each series as rows: the labels name the times of their first and last. */
async function readWindows(path: string, all: readonly Series[]): Promise<Map<string, [number, number][]>> {
  let labels: Record<string, [string, string][]>;
  try {
    labels = JSON.parse((await linesOf(path)).join('\n'));
  } catch (cause) {
    throw broken(path, (cause as Error).message, 'it has to be JSON: {"folder/file.csv": [["from", "to"], ...], ...}');
  }
  return new Map(
    all.map(({ name, times }) => {
      const windows = (labels[name] ?? []).map(
        (ends) => ends.map((end) => times.indexOf(secondsOf(end))) as [number, number],
      );
      if (windows.some((ends) => ends.includes(-1))) {
        throw broken(path, `a window of ${name} begins or ends at a time that it has no value of`, 'check the labels');
      }
      return [name, windows];
    }),
  );
}

interface Detected {
  series: Series;
  scores: Float64Array;
}

function scored(detected: readonly Detected[], windows: Map<string, [number, number][]>): ScoredSeries[] {
  return detected.map(({ series, scores }) => ({ name: series.name, scores, windows: windows.get(series.name) ?? [] }));
}

/** The score of all, and of each folder with a threshold of its own. */
function scoresOf(all: readonly ScoredSeries[]) {
  const folders = [...new Set(all.map(({ name }) => name.split('/')[0]))];
  const byFolder: Record<string, number> = {};
  for (const folder of folders) {
    const its = all.filter(({ name }) => name.startsWith(`${folder}/`));
    if (its.some(({ windows }) => windows.length > 0)) byFolder[folder] = nabScore(its).score;
  }
  return { ...nabScore(all), byFolder };
}

/**
 * Runs `tidegate eval --anomaly`: every series of a folder goes through the series detector, value by value; the scores
 * are written as the Numenta Anomaly Benchmark and `nab_score.py` read them, and scored where labels are given.
 */
export async function evaluateAnomalies(folder: string, options: AnomalyOptions): Promise<void> {
  const all = await allSeries(folder);
  const windows = options.labels === undefined ? null : await readWindows(options.labels, all);
  const bar = new SingleBar({ format: '{bar} {value} of {total} series', stream: process.stderr });
  if (process.stderr.isTTY) bar.start(all.length, 0);
  const detected: Detected[] = [];
  let seconds = 0;
  for (const series of all) {
    const began = performance.now();
    const scores = detect(series);
    seconds += (performance.now() - began) / 1000;
    detected.push({ series, scores });
    if (options.out !== undefined) await write(options.out, series, scores);
    if (bar.isActive) bar.increment();
  }
  bar.stop();
  const points = all.reduce((sum, { values }) => sum + values.length, 0);
  const rate = { series: all.length, points, pointsPerSecond: Math.round(points / seconds) };
  const scores = windows === null ? null : scoresOf(scored(detected, windows));
  const one = (value: number): string => value.toFixed(1);
  if (options.json) console.log(JSON.stringify({ ...rate, ...scores }));
  else {
    console.log(`${rate.series} series, ${points} points, ${rate.pointsPerSecond} a second`);
    if (scores !== null) {
      console.log(
        `score ${one(scores.score)} (threshold ${scores.threshold.toFixed(4)}), ` +
          `${scores.found} of ${scores.windows} windows found`,
      );
      for (const [name, score] of Object.entries(scores.byFolder)) console.log(`  ${name.padEnd(24)}${one(score)}`);
      const alarms = Object.entries(scores.falseAlarms).map(([name, count]) => `${name} ${count}`);
      console.log(`alarms outside windows: ${alarms.join(', ') || 'none'}`);
    }
  }
  if (options.ablate && windows !== null) ablate(all, windows);
  if (options.cross && windows !== null) crossValidate(all, windows);
}

/** What each kind of evidence is worth: the scores without it. */
function ablate(all: readonly Series[], windows: Map<string, [number, number][]>): void {
  const one = (value: number): string => value.toFixed(1);
  for (const [off, name] of EVIDENCE.entries()) {
    const used = ALL_EVIDENCE.filter((kind) => kind !== off);
    const without = all.map((series) => ({ series, scores: detect(series, used) }));
    const { score, byFolder } = scoresOf(scored(without, windows));
    console.log(`without ${name.padEnd(56)}${one(score)}  ${Object.values(byFolder).map(one).join('  ')}`);
  }
}

/** What the detector scores on each folder where all its settings are chosen on the others. */
function crossValidate(all: readonly Series[], windows: Map<string, [number, number][]>): void {
  const one = (value: number): string => value.toFixed(1);
  const bar = new SingleBar({ format: '{bar} {value} of {total} settings of tails', stream: process.stderr });
  if (process.stderr.isTTY) bar.start(CHOICE_STEPS, 0);
  const labelled = all.map(({ name, times, values }) => ({ name, times, values, windows: windows.get(name) ?? [] }));
  const choices = chooseByFolder(labelled, () => {
    if (bar.isActive) bar.increment();
  });
  bar.stop();
  for (const { folder, constants, used, others, here } of choices) {
    const settings = Object.entries(constants).map(([name, value]) => `${name} ${value}`);
    console.log(`${folder}: chosen on the others (there ${one(others)}), here ${one(here)}`);
    console.log(`  ${settings.join(', ')}; evidence ${used.join(',')}`);
  }
}

import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { SingleBar } from 'cli-progress';
import { TidegateError } from '../../quic/errors.js';
import { readPackets } from '../packet-file.js';
import { type FeatureRow, FeatureRows } from './feature-rows.js';

export interface FeaturesOptions {
  format: 'csv' | 'jsonl';
  /** ms. */
  tick: number;
  /** Seconds; 0 for all. */
  horizon: number;
  /** File, gzipped where it ends in .gz; standard output without. */
  out?: string;
}

/** Of a feature: f32 holds no more. */
const DIGITS = 7;
/** Characters. */
const BATCH = 65_536;

type Formatter = (row: FeatureRow) => string;

function formatterOf(format: FeaturesOptions['format'], names: readonly string[]): Formatter {
  const short = (value: number): number => Number(value.toPrecision(DIGITS));
  if (format === 'csv') {
    return ({ flow, time, bytesIn, bytesOut, features }) =>
      `${flow},${time},${bytesIn},${bytesOut},${Array.from(features, short).join(',')}\n`;
  }
  return ({ flow, time, bytesIn, bytesOut, features }) => {
    const named = Object.fromEntries(names.map((name, i) => [name, short(features[i])]));
    return `${JSON.stringify({ flow, t_ms: time, bytes_in: bytesIn, bytes_out: bytesOut, features: named })}\n`;
  };
}

/** Text in pieces worth a write. */
async function* batched(rows: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  for await (const row of rows) {
    text += row;
    if (text.length < BATCH) continue;
    yield text;
    text = '';
  }
  yield text;
}

/** Writes all of it. Throws TIDEGATE_E_OUTPUT; a reader that has seen enough (`… | head`) is no error. */
async function writeTo(path: string | undefined, rows: AsyncIterable<string>): Promise<void> {
  try {
    if (path === undefined) await pipeline(batched(rows), process.stdout, { end: false });
    else if (path.endsWith('.gz')) await pipeline(batched(rows), createGzip(), createWriteStream(path));
    else await pipeline(batched(rows), createWriteStream(path));
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'EPIPE') return;
    throw new TidegateError('TIDEGATE_E_OUTPUT', `can't write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Runs `tidegate features`: rows go out, a progress bar to a terminal's standard error. */
export async function features(path: string, options: FeaturesOptions): Promise<void> {
  const horizon = options.horizon === 0 ? Number.POSITIVE_INFINITY : options.horizon * 1000;
  const rows = new FeatureRows({ tick: options.tick, horizon });
  const format = formatterOf(options.format, rows.names);
  const bar = new SingleBar({ format: '{bar} {percentage} % | {flows} flows, {rows} rows', stream: process.stderr });
  let count = 0;
  const onProgress = (bytes: number, size: number): void => {
    if (!process.stderr.isTTY) return;
    if (!bar.isActive) bar.start(size, 0, { flows: 0, rows: 0 });
    bar.increment(bytes, { flows: rows.flows, rows: count });
  };
  const text = async function* (): AsyncGenerator<string> {
    if (options.format === 'csv') yield `flow,t_ms,bytes_in,bytes_out,${rows.names.join(',')}\n`;
    for await (const packet of readPackets(path, { onProgress })) {
      for (const row of rows.packet(packet)) {
        count++;
        yield format(row);
      }
    }
    for (const row of rows.end()) {
      count++;
      yield format(row);
    }
    if (rows.flows === 0) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds no flows`);
  };
  try {
    await writeTo(options.out, text());
  } finally {
    if (bar.isActive) {
      bar.update({ flows: rows.flows, rows: count });
      bar.stop();
    }
  }
}

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VisitForecast } from '../../profile/visits/visit-forecast.js';
import { TidegateError } from '../../quic/errors.js';
import { readPackets } from '../packet-file.js';

/** Share of the visits that learning begins with; what follows is written. */
const LEARNING = 0.6;

/**
 * Runs `tidegate eval --visits`: messages of clients that come back (`client,t,bytes`, in order of time) go through the
 * forecast of visits as they came; `visits.csv` has what it said, as `score_visits.py` reads it.
 */
export async function evaluateVisits(path: string, folder: string): Promise<void> {
  const forecast = new VisitForecast();
  const told: string[] = [];
  let before = Number.NEGATIVE_INFINITY;
  let line = 1;
  for await (const { flow: client, time, bytes } of readPackets(path)) {
    line++;
    const seconds = time / 1000;
    if (seconds < before) {
      throw new TidegateError('TIDEGATE_E_REPLAY', `${path} line ${line}: ${seconds} s comes after ${before} s`, {
        hint: 'messages have to be in order of time',
      });
    }
    before = seconds;
    const expected = forecast.message(client, seconds, bytes);
    if (expected !== null) told.push(`${client},${seconds},${Number(Math.expm1(expected).toPrecision(7))}`);
  }
  const kept = told.slice(Math.floor(told.length * LEARNING));
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'visits.csv'), `client,t,predicted\n${kept.join('\n')}\n`);
  } catch (cause) {
    throw new TidegateError('TIDEGATE_E_OUTPUT', `can't write to ${folder}: ${(cause as Error).message}`, { cause });
  }
  console.log(`${join(folder, 'visits.csv')}: ${kept.length} of ${told.length} visits`);
}

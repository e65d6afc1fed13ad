import { join } from 'node:path';
import { MessageVisits } from '../../profile/visits/message-visits.js';
import { scoreVisits, type ToldVisit } from '../../profile/visits/visit-scores.js';
import { TidegateError } from '../../quic/errors.js';
import { writeOutput } from '../output.js';
import { readPackets } from '../packet-file.js';

/** Share of the visits that learning begins with; what follows is written. */
const LEARNING = 0.6;
const DIGITS = 7;

export interface VisitOptions {
  out: string;
  silence: number;
  json?: boolean;
}

/**
 * Runs `tidegate eval --visits`: messages of clients that come back, in order of time, go through the forecast of visits as
 * they came; `visits.csv` has what it said, as `score_visits.py` reads it, and the same figures are printed.
 */
export async function evaluateVisits(path: string, { out, silence, json }: VisitOptions): Promise<void> {
  const visits = new MessageVisits(silence);
  const told: { line: string; visit: ToldVisit }[] = [];
  let before = Number.NEGATIVE_INFINITY;
  let number = 1;
  for await (const { flow: client, time, bytes, request } of readPackets(path)) {
    number++;
    const seconds = time / 1000;
    if (seconds < before) {
      throw new TidegateError('TIDEGATE_E_REPLAY', `${path} line ${number}: ${seconds} s comes after ${before} s`, {
        hint: 'messages have to be in order of time',
      });
    }
    before = seconds;
    const visit = visits.message({ client, seconds, bytes, functionId: request });
    if (visit === null) continue;
    told.push({ line: `${client},${seconds},${Number(Math.expm1(visit.told).toPrecision(DIGITS))}`, visit });
  }
  visits.end();
  if (told.length === 0) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds no visits`);
  const kept = told.slice(Math.floor(told.length * LEARNING));
  const lines = kept.map(({ line }) => line).join('\n');
  await writeOutput(join(out, 'visits.csv'), `client,t,predicted\n${lines}\n`, `to ${out}`);
  const scores = scoreVisits(kept.map(({ visit }) => visit));
  if (json) console.log(JSON.stringify(scores));
  else {
    const { visitRatio, interval, historyRatio, newRatio, newVisits } = scores;
    const three = (value: number): string => value.toFixed(3);
    console.log(`${join(out, 'visits.csv')}: ${kept.length} of ${told.length} visits`);
    console.log(`error of log1p(bytes) of the first 300 s, of the mean of all visits:`);
    console.log(`  told ${three(visitRatio)} (95 %: ${interval.map(three).join(' to ')})`);
    console.log(`  a client's own mean ${three(historyRatio)}; told of new clients ${three(newRatio)} (${newVisits})`);
  }
}

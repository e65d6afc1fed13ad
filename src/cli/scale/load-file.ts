import { TidegateError } from '../../quic/errors.js';
import { PARTS } from '../../scale/forecast/load-history.js';
import { readLines } from '../lines.js';

/** Loads of ten seconds, and their sums a minute. */
export interface LoadSeries {
  parts: Float64Array;
  minutes: Float64Array;
}

/** Reads a load series: a count each ten seconds, one a line, or as the last of several columns. Throws TIDEGATE_E_REPLAY. */
export async function readLoad(path: string): Promise<LoadSeries> {
  const parts: number[] = [];
  let number = 0;
  for await (const line of readLines(path)) {
    number++;
    if (line.trim() === '') continue;
    const value = Number(line.split(',').at(-1));
    // The first line may hold names.
    if (number === 1 && !Number.isFinite(value)) continue;
    if (!(value >= 0) || !Number.isFinite(value)) {
      throw new TidegateError('TIDEGATE_E_REPLAY', `${path} line ${number}: "${line.slice(0, 80)}" ends in no count`, {
        hint: 'write a count for each ten seconds, one a line',
      });
    }
    parts.push(value);
  }
  const count = Math.floor(parts.length / PARTS);
  if (count < 2 * PARTS) throw new TidegateError('TIDEGATE_E_REPLAY', `${path} holds ${parts.length} counts: too few`);
  const used = Float64Array.from(parts.slice(0, count * PARTS));
  const minutes = Float64Array.from({ length: count }, (_, minute) => {
    let sum = 0;
    for (let part = 0; part < PARTS; part++) sum += used[minute * PARTS + part];
    return sum;
  });
  return { parts: used, minutes };
}

import { join } from 'node:path';
import { type MinuteForecast, SCORED, scoreLoad } from '../../scale/evaluation/load-scores.js';
import { LoadForecaster } from '../../scale/forecast/load-forecaster.js';
import { PARTS } from '../../scale/forecast/load-history.js';
import { printFigures, writeOutput } from '../output.js';
import { readLoad } from './load-file.js';

export interface LoadEvalOptions {
  out?: string;
  json?: boolean;
}

const DIGITS = 7;

/** Runs `tidegate eval --load`: forecasts a series as it comes, writes `forecasts.csv`, prints the figures of `score_load.py`. */
export async function evaluateLoad(path: string, { out, json }: LoadEvalOptions): Promise<void> {
  const { parts, minutes } = await readLoad(path);
  const forecaster = new LoadForecaster([...SCORED]);
  const told = new Map(SCORED.map((horizon) => [horizon as number, [] as MinuteForecast[]]));
  const lines = ['minute,horizon,mean,p10,p50,p90'];
  const short = (value: number): string => String(Number(value.toPrecision(DIGITS)));
  const began = performance.now();
  for (let i = 0; i < parts.length; i++) {
    if (!forecaster.add(parts[i])) continue;
    const last = (i + 1) / PARTS - 1;
    for (const { horizon, mean, quantile } of forecaster.forecasts()) {
      const minute = last + horizon;
      if (minute >= minutes.length) continue;
      const [low, middle, high] = [0.1, 0.5, 0.9].map(quantile);
      const list = told.get(horizon);
      if (list !== undefined) list[minute] = { mean, low, high };
      if (out !== undefined) lines.push(`${minute},${horizon},${[mean, low, middle, high].map(short).join(',')}`);
    }
  }
  const perUpdate = (performance.now() - began) / minutes.length;
  if (out !== undefined) await writeOutput(join(out, 'forecasts.csv'), `${lines.join('\n')}\n`, `to ${out}`);
  const scores = scoreLoad(minutes, told);
  if (json) console.log(JSON.stringify(scores));
  else {
    printFigures(scores);
    console.log(`${perUpdate.toFixed(3)} ms an update of ${SCORED.length} horizons`);
  }
}

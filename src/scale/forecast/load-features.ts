import { DAY, type LoadHistory, PARTS } from './load-history.js';

const LAGS = 30;
const LONG = [45, 60, 90, 120, 180];
/** Half the width of a long lag, minutes. */
const WIDTH = 10;
const YESTERDAY = [-5, -1, 0, 1, 5];
const HARMONICS = 3;
const WEEK = 7;

export const LOAD_COLUMNS = LAGS + LONG.length + YESTERDAY.length + 3 + PARTS + 1 + 2 * HARMONICS;

/** What loads are turned into before a model sees them, and back. */
export interface Scale {
  to(load: number): number;
  from(value: number): number;
}

/**
 * What a forecast of minute `target` is made from, as of the last minute of `history`: recent minutes, means of longer ago, the
 * same time yesterday and a week ago with their neighbours, the ten-second parts of the last minute, the time of day.
 */
export function writeFeatures(into: Float64Array, history: LoadHistory, target: number, scale: Scale): void {
  const last = history.count - 1;
  let at = 0;
  for (let lag = 0; lag < LAGS; lag++) into[at++] = scale.to(history.at(last - lag));
  for (const lag of LONG) into[at++] = scale.to(history.mean(last - lag - WIDTH + 1, last - lag + WIDTH + 1));
  for (const minutes of YESTERDAY) into[at++] = scale.to(history.at(target - DAY + minutes));
  into[at++] = scale.to(history.mean(target - DAY - 15, target - DAY + 16));
  into[at++] = scale.to(history.mean(last - DAY - 30, last - DAY + 1));
  into[at++] = scale.to(history.mean(target - WEEK * DAY - 5, target - WEEK * DAY + 6));
  for (let part = 0; part < PARTS; part++) into[at++] = scale.to(history.parts[part] * PARTS);
  into[at++] = 1;
  const angle = (2 * Math.PI * target) / DAY;
  for (let k = 1; k <= HARMONICS; k++) {
    into[at++] = Math.sin(k * angle);
    into[at++] = Math.cos(k * angle);
  }
}

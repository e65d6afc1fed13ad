import { DAY, type LoadHistory, PARTS } from './load-history.js';

const LAGS = 30;
const LONG = [45, 60, 90, 120, 180];
/** Half the width of a long lag, minutes. */
const WIDTH = 10;
const RECENT = LAGS + LONG.length + 1 + PARTS;
const YESTERDAY = [-5, -1, 0, 1, 5];
const WEEK = 7;
const BEFORE = YESTERDAY.length + 2;
const HARMONICS = 3;
const HOUR = 60;
const HOUR_HARMONICS = 4;

/** Stretches of the last two hours: so many minutes ago, and so long. */
const STRETCHES = [
  [0, 1],
  [1, 1],
  [2, 1],
  [3, 1],
  [4, 1],
  [5, 1],
  [6, 3],
  [9, 6],
  [15, 10],
  [25, 30],
  [55, 60],
] as const;
const SHAPE = STRETCHES.length + 2;
/** Minutes whose mean is the level that shapes are told by. */
const LEVEL = 180;
const LEAST_LEVEL = 1e-9;

/** Columns of a regression, and of a tree. */
export const LOAD_COLUMNS = RECENT + BEFORE + 1 + 2 * HARMONICS + SHAPE + 2 * HOUR_HARMONICS;
export const TREE_COLUMNS = SHAPE + 6;

/** What loads are turned into before a regression sees them, and back. */
export interface Scale {
  to(load: number): number;
  from(value: number): number;
}

/** The unit that numbers of a series are told in. */
export function scalesOf(unit: number): { plain: Scale; root: Scale } {
  return {
    plain: { to: (load) => load / unit, from: (scaled) => scaled * unit },
    root: {
      to: (load) => Math.sqrt(Math.max(0, load) / unit),
      from: (scaled) => Math.max(0, scaled) ** 2 * unit,
    },
  };
}

/** What forecasts are made from, as of the last minute of a history; one look serves all horizons. */
export class LoadView {
  /** Recent minutes, means of longer ago, yesterday's half hour before now, the ten-second parts of the last minute. */
  readonly #recent = new Float64Array(RECENT);
  /** The last two hours and the end of the last minute, in roots of the level. */
  readonly #shape = new Float64Array(SHAPE);
  level = 0;

  constructor(readonly history: LoadHistory) {}

  look(): void {
    const { history } = this;
    const last = history.count - 1;
    const recent = this.#recent;
    let at = 0;
    for (let lag = 0; lag < LAGS; lag++) recent[at++] = history.at(last - lag);
    for (const lag of LONG) recent[at++] = history.mean(last - lag - WIDTH + 1, last - lag + WIDTH + 1);
    recent[at++] = history.mean(last - DAY - 30, last - DAY + 1);
    for (let part = 0; part < PARTS; part++) recent[at++] = history.parts[part] * PARTS;

    this.level = history.mean(last - LEVEL + 1, last + 1);
    const unit = Math.max(this.level, LEAST_LEVEL);
    at = 0;
    for (const [ago, length] of STRETCHES) {
      this.#shape[at++] = Math.sqrt(history.mean(last - ago - length + 1, last - ago + 1) / unit);
    }
    this.#shape[at++] = Math.sqrt((history.parts[PARTS - 1] * PARTS) / unit);
    this.#shape[at++] = Math.sqrt(((history.parts[PARTS - 2] + history.parts[PARTS - 3]) * (PARTS / 2)) / unit);
  }

  /**
   * Columns of a regression for minute `target`: the recent past, the same time yesterday and a week ago with their
   * neighbours, the time of day, the shape of the last hours, the minute of the hour.
   */
  write(into: Float64Array, target: number, scale: Scale): void {
    const { history } = this;
    let at = 0;
    for (const load of this.#recent) into[at++] = scale.to(load);
    for (const minutes of YESTERDAY) into[at++] = scale.to(history.at(target - DAY + minutes));
    into[at++] = scale.to(history.mean(target - DAY - 15, target - DAY + 16));
    into[at++] = scale.to(history.mean(target - WEEK * DAY - 5, target - WEEK * DAY + 6));
    into[at++] = 1;
    at = waves(into, at, target / DAY, HARMONICS, 1);
    const unit = scale.to(this.level);
    for (const root of this.#shape) into[at++] = (root - 1) * unit;
    waves(into, at, target / HOUR, HOUR_HARMONICS, unit);
  }

  /** Columns of a tree for minute `target`, of which a regression says `expected`. None is negative. */
  writeRow(into: Float32Array, target: number, expected: number): void {
    const { history } = this;
    const unit = Math.max(this.level, LEAST_LEVEL);
    into.set(this.#shape);
    let at = SHAPE;
    into[at++] = target % HOUR;
    into[at++] = target % (HOUR / 2);
    into[at++] = (target % DAY) / HOUR;
    into[at++] = history.at(target - DAY) / unit;
    into[at++] = history.mean(target - DAY - 10, target - DAY + 11) / unit;
    into[at++] = Math.max(0, expected) / unit;
  }
}

/** Harmonics of a time, in turns. Returns where the next column is. */
function waves(into: Float64Array, at: number, turns: number, harmonics: number, size: number): number {
  let next = at;
  for (let k = 1; k <= harmonics; k++) {
    into[next++] = Math.sin(2 * Math.PI * k * turns) * size;
    into[next++] = Math.cos(2 * Math.PI * k * turns) * size;
  }
  return next;
}

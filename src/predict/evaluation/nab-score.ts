/** A labelled series and what a detector said of it. */
export interface ScoredSeries {
  /** `folder/file.csv`. */
  name: string;
  /** 0 to 1, by row. */
  scores: Float64Array;
  /** First and last row of each window in which an anomaly is to be found, in order. */
  windows: readonly (readonly [number, number])[];
}

/** How a detector did. */
export interface NabScore {
  /** 100: every window found at its first row and no false alarm; 0: nothing said. */
  score: number;
  /** The threshold that is best for all series together. */
  threshold: number;
  windows: number;
  found: number;
  /** Alarms outside windows at the threshold, by folder. */
  falseAlarms: Record<string, number>;
}

/** A row after the probation: its score, its worth and the window it is in. */
interface Row {
  score: number;
  worth: number;
  window: number | null;
  folder: string;
}

/** Cost of a false alarm in the standard profile, of a window found or missed 1. */
const FALSE_ALARM = 0.11;
const PROBATION = 0.15;
const LONGEST_PROBATION = 750;

/** The benchmark's sigmoid of the position relative to a window: 1 far before its end, -1 far after. */
const sigmoid = (position: number): number => (position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1);
const EARLIEST = sigmoid(-1);

function rowsOf({ name, scores, windows }: ScoredSeries, first: number): Row[] {
  const folder = name.split('/')[0];
  const probation = Math.min(Math.floor(PROBATION * scores.length), LONGEST_PROBATION);
  const rows: Row[] = [];
  let next = 0;
  let before: readonly [number, number] | null = null;
  for (let i = 0; i < scores.length; i++) {
    const current: readonly [number, number] | null =
      next < windows.length && i >= windows[next][0] ? windows[next] : null;
    let worth = -1;
    if (current !== null) {
      worth = sigmoid(-(current[1] - i + 1) / (current[1] - current[0] + 1)) / EARLIEST;
    } else if (before !== null) {
      worth = sigmoid((i - before[1]) / (before[1] - before[0]));
    }
    if (i >= probation) rows.push({ score: scores[i], worth, window: current === null ? null : first + next, folder });
    if (current !== null && i === current[1]) {
      before = current;
      next++;
    }
  }
  return rows;
}

/**
 * Scores of the Numenta Anomaly Benchmark, standard profile (Lavin & Ahmad, "Evaluating Real-Time Anomaly Detection
 * Algorithms", 2015): of a window the earliest alarm counts, more if it is early; alarms outside cost, less just after
 * a window; one threshold for all series, the best. Agrees with `shared/tools/nab_score.py`.
 */
export function nabScore(series: readonly ScoredSeries[]): NabScore {
  let rows: Row[] = [];
  let windows = 0;
  for (const one of series) {
    for (const row of rowsOf(one, windows)) rows.push(row);
    windows += one.windows.length;
  }
  // Most rows say nothing: they are the last, in whatever order.
  const silent = rows.filter(({ score }) => score <= 0);
  rows = [...rows.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score), ...silent];
  const worths = new Map<number, number>();
  for (const { window } of rows) if (window !== null) worths.set(window, -1);
  let total = -worths.size;
  let best = total;
  let threshold = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rows.length; ) {
    const { score } = rows[i];
    for (; i < rows.length && rows[i].score === score; i++) {
      const { window, worth } = rows[i];
      if (window === null) total += worth * FALSE_ALARM;
      else {
        const known = worths.get(window) as number;
        worths.set(window, Math.max(known, worth));
        total += Math.max(known, worth) - known;
      }
    }
    if (total <= best) continue;
    best = total;
    threshold = score;
  }
  const alarms = rows.filter(({ score }) => score >= threshold);
  const falseAlarms: Record<string, number> = {};
  for (const { window, folder } of alarms) if (window === null) falseAlarms[folder] = (falseAlarms[folder] ?? 0) + 1;
  return {
    score: (100 * (best + windows)) / (2 * windows),
    threshold,
    windows,
    found: new Set(alarms.flatMap(({ window }) => (window === null ? [] : [window]))).size,
    falseAlarms,
  };
}

import { AlarmHold } from '../anomaly/alarm-hold.js';
import type { DetectorConstants } from '../anomaly/constants.js';
import { scoreOf } from '../anomaly/series-detector.js';
import { ALL_EVIDENCE, EVIDENCE, SeriesEvidence } from '../anomaly/series-evidence.js';
import { nabScore, type ScoredSeries } from './nab-score.js';

/** A series with the windows in which it is unusual. */
export interface LabelledSeries {
  /** `folder/file.csv`. */
  name: string;
  /** Seconds. */
  times: Float64Array;
  values: Float64Array;
  windows: readonly (readonly [number, number])[];
}

/** What a detector whose every setting was chosen on the other folders scores on one. */
export interface FolderChoice {
  folder: string;
  constants: DetectorConstants;
  /** Kinds of evidence that were chosen, and what they score on the other folders and here. */
  used: readonly number[];
  others: number;
  here: number;
}

/** Settings that are tried: each with each. */
const GRID = {
  alike: [1.05, 1.1, 1.15, 1.25, 1.4],
  tail: [0.01, 0.02, 0.04],
  memory: [2000, 4000, 8000],
  held: [50, 100, 200],
  grows: [0.5, 1, 2],
  opens: [5, 6, 7.5],
} as const;

/** All sets of kinds of evidence. */
const SETS = Array.from({ length: 2 ** EVIDENCE.length - 1 }, (_, i) =>
  ALL_EVIDENCE.filter((kind) => ((i + 1) >> kind) & 1),
);

const folderOf = ({ name }: { name: string }): string => name.split('/')[0];

/** Surprises of a series by kind, those of a value one behind the other, and of which values something is told. */
interface Surprises {
  series: LabelledSeries;
  byKind: Float32Array;
  tells: Uint8Array;
}

function surprisesOf(series: LabelledSeries, constants: DetectorConstants): Surprises {
  const evidence = new SeriesEvidence(constants);
  const kinds = EVIDENCE.length;
  const byKind = new Float32Array(series.values.length * kinds);
  const tells = new Uint8Array(series.values.length);
  series.values.forEach((value, i) => {
    if (!Number.isFinite(value) || !Number.isFinite(series.times[i])) return;
    tells[i] = evidence.next(series.times[i], value) ? 1 : 0;
    byKind.set(evidence.surprises, i * kinds);
  });
  return { series, byKind, tells };
}

/** What the detector with these kinds and constants says, from surprises that are known. */
function scoredBy(
  { series, byKind, tells }: Surprises,
  used: readonly number[],
  constants: DetectorConstants,
): ScoredSeries {
  const hold = new AlarmHold(constants);
  const kinds = EVIDENCE.length;
  const scores = new Float64Array(series.values.length);
  for (let i = 0; i < scores.length; i++) {
    let most = 0;
    for (const kind of used) if (byKind[i * kinds + kind] > most) most = byKind[i * kinds + kind];
    const news = hold.next(most);
    if (tells[i] === 1) scores[i] = scoreOf(news);
  }
  return { name: series.name, scores, windows: series.windows };
}

function* grid(): Generator<DetectorConstants[]> {
  for (const alike of GRID.alike) {
    for (const tail of GRID.tail) {
      for (const memory of GRID.memory) {
        yield GRID.held.flatMap((held) =>
          GRID.grows.flatMap((grows) => GRID.opens.map((opens) => ({ alike, tail, memory, held, grows, opens }))),
        );
      }
    }
  }
}

/** The constants that score most on all folders but one, by that one, with all kinds of evidence. */
function chooseConstants(all: readonly LabelledSeries[], folders: readonly string[], progress: () => void) {
  const best = new Map<string, { score: number; constants: DetectorConstants }>();
  for (const alikeInTails of grid()) {
    const surprises = all.map((series) => surprisesOf(series, alikeInTails[0]));
    for (const constants of alikeInTails) {
      const scored = surprises.map((known) => scoredBy(known, ALL_EVIDENCE, constants));
      for (const folder of folders) {
        const { score } = nabScore(scored.filter((series) => folderOf(series) !== folder));
        if (score > (best.get(folder)?.score ?? Number.NEGATIVE_INFINITY)) best.set(folder, { score, constants });
      }
    }
    progress();
  }
  return best;
}

/** How many times `progress` is called. */
export const CHOICE_STEPS = [...grid()].length;

/**
 * Cross-validation by folder: of each folder with windows the constants are those that score most on all others with all kinds
 * of evidence, and then the kinds those that score most there.
 */
export function chooseByFolder(all: readonly LabelledSeries[], progress: () => void = () => {}): FolderChoice[] {
  const folders = [...new Set(all.filter(({ windows }) => windows.length > 0).map(folderOf))];
  const constantsOf = chooseConstants(all, folders, progress);
  return folders.map((folder) => {
    const { constants } = constantsOf.get(folder) as { constants: DetectorConstants };
    const surprises = all.map((series) => surprisesOf(series, constants));
    const scoreOn = (isHere: boolean, used: readonly number[]): number =>
      nabScore(
        surprises
          .filter(({ series }) => (folderOf(series) === folder) === isHere)
          .map((known) => scoredBy(known, used, constants)),
      ).score;
    const [used, others] = SETS.map((set): [readonly number[], number] => [set, scoreOn(false, set)]).reduce((a, b) =>
      b[1] > a[1] ? b : a,
    );
    return { folder, constants, used, others, here: scoreOn(true, used) };
  });
}

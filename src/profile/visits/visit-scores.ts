/** What was told of a visit, and what came: log1p(bytes). */
export interface ToldVisit {
  told: number;
  came: number;
  /** The running mean of all visits when it began, and the client's own, shrunk to it by two visits. */
  mean: number;
  own: number;
  /** Visits of its client before. */
  before: number;
}

export interface VisitScores {
  visits: number;
  /** Root mean square error over that of the mean of all, with the interval that holds 95 % of resampled visits. */
  visitRatio: number;
  interval: [low: number, high: number];
  /** The same of the client's own mean. */
  historyRatio: number;
  /** `visitRatio` of clients that were there at most twice before. */
  newRatio: number;
  newVisits: number;
}

const NEW = 2;
/** Fewer where there are so many visits that each is nearly the same. */
const RESAMPLES = 1000;
const FEWER = 200;
const MANY = 10_000;

function ratio(visits: readonly ToldVisit[], told: (visit: ToldVisit) => number): number {
  let [error, base] = [0, 0];
  for (const visit of visits) {
    error += (told(visit) - visit.came) ** 2;
    base += (visit.mean - visit.came) ** 2;
  }
  return base === 0 ? Number.NaN : Math.sqrt(error / base);
}

/** Percentile bootstrap (Efron 1979) over visits, seeded. */
function bootstrap(visits: readonly ToldVisit[]): [number, number] {
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const resamples = visits.length < MANY ? RESAMPLES : FEWER;
  const ratios = Array.from({ length: resamples }, () => {
    const sample = Array.from(visits, () => visits[Math.floor(next() * visits.length)]);
    return ratio(sample, ({ told }) => told);
  }).sort((a, b) => a - b);
  return [ratios[Math.floor(resamples * 0.025)], ratios[Math.floor(resamples * 0.975)]];
}

export function scoreVisits(visits: readonly ToldVisit[]): VisitScores {
  const fresh = visits.filter(({ before }) => before <= NEW);
  return {
    visits: visits.length,
    visitRatio: ratio(visits, ({ told }) => told),
    interval: bootstrap(visits),
    historyRatio: ratio(visits, ({ own }) => own),
    newRatio: ratio(fresh, ({ told }) => told),
    newVisits: fresh.length,
  };
}

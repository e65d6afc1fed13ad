/** What one client's visits brought: log1p(bytes), newest last. */
export interface ClientVisits {
  count: number;
  sum: number;
  squares: number;
  /** Exponentially weighted means, of the last three or so and of the last ten. */
  recent: number;
  longer: number;
  last: number;
  /** Messages ever, and seconds of the last one. */
  messages: number;
  lastMessage: number;
  /** By stretch of three hours of the day: sums and counts. */
  byHour: Float64Array;
  hours: Float64Array;
}

export const HOUR_STRETCHES = 8;
const RECENT = 0.3;
const LONGER = 0.1;
/** Of the mean of all clients' visits. */
const ALL = 0.02;

export function hourStretch(seconds: number): number {
  return Math.floor(((seconds / 3600) % 24) / (24 / HOUR_STRETCHES));
}

/** Visits of all clients that are over: means by client and of all. */
export class VisitHistory {
  readonly #clients = new Map<string, ClientVisits>();
  count = 0;
  sum = 0;
  /** Exponentially weighted mean of the last fifty. */
  recent = 0;

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  of(client: string): ClientVisits {
    let visits = this.#clients.get(client);
    if (visits === undefined) {
      visits = {
        count: 0,
        sum: 0,
        squares: 0,
        recent: 0,
        longer: 0,
        last: 0,
        messages: 0,
        lastMessage: Number.NEGATIVE_INFINITY,
        byHour: new Float64Array(HOUR_STRETCHES),
        hours: new Float64Array(HOUR_STRETCHES),
      };
      this.#clients.set(client, visits);
    }
    return visits;
  }

  /** A visit is over: it began at `seconds` and brought log1p(bytes) of `brought`. */
  add(client: string, seconds: number, brought: number): void {
    const visits = this.of(client);
    const isFirst = visits.count === 0;
    visits.count++;
    visits.sum += brought;
    visits.squares += brought * brought;
    visits.recent = isFirst ? brought : visits.recent + RECENT * (brought - visits.recent);
    visits.longer = isFirst ? brought : visits.longer + LONGER * (brought - visits.longer);
    visits.last = brought;
    const stretch = hourStretch(seconds);
    visits.byHour[stretch] += brought;
    visits.hours[stretch]++;
    this.count++;
    this.sum += brought;
    this.recent += ALL * (brought - this.recent);
  }
}

import { functionKeys } from './function-means.js';
import { type BegunVisit, VISIT_SPAN, VisitForecast } from './visit-forecast.js';
import { ClientVisits } from './visit-history.js';
import type { ToldVisit } from './visit-scores.js';

/** Visits that are kept though they are over. */
const MOST_DONE = 1000;
/** Of a client's own mean as `score_visits.py` has it: that of all counts two visits. */
const PRIOR_VISITS = 2;

interface OpenVisit {
  client: string;
  bytes: number;
  begun: BegunVisit;
  told: ToldVisit;
}

/** A message of a recording. */
export interface RecordedMessage {
  client: string;
  /** s, in order. */
  seconds: number;
  bytes: number;
  /** What is asked for. */
  functionId: string;
}

/** Plays recorded messages through {@link VisitForecast}: a visit begins with one after a silence of its client's. */
export class MessageVisits {
  readonly #forecast = new VisitForecast();
  readonly #clients = new Map<string, ClientVisits>();
  readonly #open = new Map<string, OpenVisit>();
  /** Visits whose span is not over, in order of their beginning. */
  readonly #pending: OpenVisit[] = [];
  #done = 0;
  /** Visits that are over, and log1p(bytes) of all of them. */
  #count = 0;
  #sum = 0;

  constructor(
    /** Seconds. */
    readonly silence: number,
  ) {}

  /** Takes a message. Returns what is told of the visit that it begins (what came is filled in later); null: it begins none. */
  message({ client, seconds, bytes, functionId }: RecordedMessage): ToldVisit | null {
    this.#finish(seconds);
    const { activity } = this.#forecast;
    activity.advance(seconds);
    const visits = this.#visits(client);
    let told: ToldVisit | null = null;
    if (seconds - visits.lastMessage >= this.silence) {
      const opening = { seconds, functionKeys: functionKeys(functionId), prior: this.#forecast.expected() };
      const begun = this.#forecast.begin(visits, opening);
      const mean = this.#sum / Math.max(1, this.#count);
      const own = (visits.sum + PRIOR_VISITS * mean) / (visits.count + PRIOR_VISITS);
      told = { told: begun.expected.bytes, came: 0, mean, own, before: visits.count };
      const visit = { client, bytes: 0, begun, told };
      this.#open.set(client, visit);
      this.#pending.push(visit);
    }
    const open = this.#open.get(client);
    if (open !== undefined && seconds < open.begun.seconds + VISIT_SPAN) open.bytes += bytes;
    visits.lastMessage = seconds;
    visits.messages++;
    activity.add(visits, bytes);
    return told;
  }

  /** The recording is over: what is open is so too. */
  end(): void {
    this.#finish(Number.POSITIVE_INFINITY);
  }

  #visits(client: string): ClientVisits {
    let visits = this.#clients.get(client);
    if (visits === undefined) {
      visits = new ClientVisits();
      this.#clients.set(client, visits);
    }
    return visits;
  }

  /** What a visit brought is known when its span is over, and learned then. */
  #finish(seconds: number): void {
    while (this.#done < this.#pending.length && this.#pending[this.#done].begun.seconds + VISIT_SPAN <= seconds) {
      const { client, bytes, begun, told } = this.#pending[this.#done++];
      const brought = { bytes: Math.log1p(bytes), rate: Math.log1p(bytes / VISIT_SPAN) };
      told.came = brought.bytes;
      this.#count++;
      this.#sum += brought.bytes;
      this.#forecast.finish(this.#visits(client), begun, brought);
      this.#forecast.settle();
    }
    if (this.#done < MOST_DONE) return;
    this.#pending.splice(0, this.#done);
    this.#done = 0;
  }
}

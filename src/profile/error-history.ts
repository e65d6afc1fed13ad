import { ERROR_SCENARIOS } from './behavioral-profile.js';

/** Sessions that the rate of all clients counts beside a client's own. */
const PRIOR_SESSIONS = 2;
/** Chance of a scenario before there was any session, and sessions that it counts. */
const FIRST_CHANCE = 0.02;
const FIRST_SESSIONS = 5;

/**
 * In how many of the sessions of a client (or of all) each error scenario came up. The chance for the next session is the
 * mean of the posterior of a Beta distribution,
 *
 *     (failed + s * g) / (sessions + s),   g: the same of all clients, s = 2
 *
 * so that one who was seen rarely is like the others, and one who is seen often like himself.
 */
export class ErrorHistory {
  /** Sessions in which each scenario came up, and sessions at all. */
  readonly failed = new Float64Array(ERROR_SCENARIOS.length);
  sessions = 0;
  /** What came up in the present sessions, bits. */
  #present = 0;

  /** Something went wrong in a session that is open. */
  note(errors: number): void {
    this.#present |= errors;
  }

  /** A session is over. Returns what came up in it. */
  end(): number {
    const errors = this.#present;
    this.#present = 0;
    this.add(errors);
    return errors;
  }

  /** Counts a session with what came up in it. */
  add(errors: number): void {
    this.sessions++;
    for (let i = 0; i < this.failed.length; i++) if (errors & (1 << i)) this.failed[i]++;
  }

  /** Counts what another counted. */
  merge(other: ErrorHistory): void {
    this.sessions += other.sessions;
    for (let i = 0; i < this.failed.length; i++) this.failed[i] += other.failed[i];
  }

  /** Chance of each scenario in a session to come, with those of `all` as what is known beforehand. */
  chances(all: ErrorHistory): number[] {
    return Array.from(this.failed, (_, i) => this.chance(i, all));
  }

  /** The same of one. */
  chance(i: number, all: ErrorHistory): number {
    const general = (all.failed[i] + FIRST_CHANCE * FIRST_SESSIONS) / (all.sessions + FIRST_SESSIONS);
    return (this.failed[i] + PRIOR_SESSIONS * general) / (this.sessions + PRIOR_SESSIONS);
  }
}

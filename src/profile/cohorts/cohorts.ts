import { DiagonalMixture } from './diagonal-mixture.js';

/** What a session was like: of its first tick, then as a whole. */
export interface SessionShape {
  /** Bytes of the first tick. */
  firstIn: number;
  firstOut: number;
  /** Bytes/s, both ways. */
  rate: number;
  seconds: number;
  /** Bytes from the client of all. */
  upShare: number;
}

const DIMENSIONS = 5;
/** The first of them are known after a tick. */
const OPENING = 2;
const RATE_AT = 2;
const SIZES = [1, 2, 4, 8, 16, 32];
/** Of the likelihoods that sizes are chosen by. */
const FADE = 0.999;
/** Clients that a cohort has to have before it is shown (k-anonymity). */
export const SHOWN_FROM = 20;
/** Sessions before cohorts say anything. */
const LEAST_SESSIONS = 50;

function embed({ firstIn, firstOut, rate, seconds, upShare }: SessionShape): Float64Array {
  return Float64Array.of(Math.log1p(firstIn), Math.log1p(firstOut), Math.log1p(rate), Math.log1p(seconds), 4 * upShare);
}

/** A cohort as it is shown. */
export interface CohortView {
  name: string;
  /** Sessions that were like it. */
  sessions: number;
  /** Typical ones: bytes/s, s, bytes from the client of all. */
  rate: number;
  seconds: number;
  upShare: number;
}

/**
 * Clients that behave alike: mixtures of several sizes are fitted side by side to what sessions were like, and the size
 * serves whose likelihood of sessions it had not yet seen is best (prequential, Dawid 1984).
 */
export class Cohorts {
  readonly #mixtures = SIZES.map((size) => new DiagonalMixture(size, DIMENSIONS));
  readonly #likelihoods = new Float64Array(SIZES.length);
  #weight = 0;
  #sessions = 0;
  /** Of each mixture's clusters up to {@link SHOWN_FROM} clients: who they are matters only for their number. */
  readonly #clients = SIZES.map((size) => Array.from({ length: size }, () => new Set<string>()));

  get #best(): number {
    let best = 0;
    for (let i = 1; i < SIZES.length; i++) if (this.#likelihoods[i] > this.#likelihoods[best]) best = i;
    return best;
  }

  /** Cohorts that there are: the size that serves. */
  get size(): number {
    return SIZES[this.#best];
  }

  /** A session is over. */
  learn(client: string, shape: SessionShape): void {
    const example = embed(shape);
    this.#sessions++;
    this.#weight = this.#weight * FADE + 1;
    this.#mixtures.forEach((mixture, i) => {
      this.#likelihoods[i] += (mixture.likelihood(example) - this.#likelihoods[i]) / this.#weight;
      const clients = this.#clients[i][mixture.learn(example)];
      if (clients.size < SHOWN_FROM) clients.add(client);
    });
  }

  /** log1p(bytes/s) of the cohorts that a session's first tick looks like; null: too few sessions were seen. */
  logRateAfter(firstIn: number, firstOut: number): number | null {
    if (this.#sessions < LEAST_SESSIONS) return null;
    const mixture = this.#mixtures[this.#best];
    const chances = mixture.chances(Float64Array.of(Math.log1p(firstIn), Math.log1p(firstOut)), OPENING);
    let expected = 0;
    chances.forEach((chance, cluster) => {
      expected += chance * mixture.means[cluster * DIMENSIONS + RATE_AT];
    });
    return expected;
  }

  /** The cohort of a session, where enough clients are in it to be shown. */
  nameOf(shape: SessionShape): string | null {
    if (this.#sessions < LEAST_SESSIONS) return null;
    const best = this.#best;
    const chances = this.#mixtures[best].chances(embed(shape));
    const cluster = chances.indexOf(Math.max(...chances));
    return this.#clients[best][cluster].size < SHOWN_FROM ? null : `c${cluster}`;
  }

  /** Cohorts with at least {@link SHOWN_FROM} clients. */
  shown(): CohortView[] {
    const best = this.#best;
    const { means, counts } = this.#mixtures[best];
    return this.#clients[best].flatMap((clients, cluster) => {
      if (clients.size < SHOWN_FROM) return [];
      const at = cluster * DIMENSIONS;
      return {
        name: `c${cluster}`,
        sessions: counts[cluster],
        rate: Math.expm1(means[at + RATE_AT]),
        seconds: Math.expm1(means[at + 3]),
        upShare: means[at + 4] / 4,
      };
    });
  }

  forget(client: string): void {
    for (const clusters of this.#clients) for (const clients of clusters) clients.delete(client);
  }

  /** To be kept; see {@link restore}. */
  get state(): object {
    return {
      mixtures: this.#mixtures.map(({ means, variances, counts }) => ({ means, variances, counts })),
      likelihoods: this.#likelihoods,
      weight: this.#weight,
      sessions: this.#sessions,
      clients: this.#clients,
    };
  }

  restore(state: object): void {
    const { mixtures, likelihoods, weight, sessions, clients } = state as {
      mixtures: { means: Float64Array; variances: Float64Array; counts: Float64Array }[];
      likelihoods: Float64Array;
      weight: number;
      sessions: number;
      clients: Set<string>[][];
    };
    if (mixtures?.length !== SIZES.length) return;
    mixtures.forEach((mixture, i) => {
      if (mixture.means.length !== this.#mixtures[i].means.length) return;
      this.#mixtures[i].take(mixture);
      clients[i].forEach((names, cluster) => {
        for (const name of names) this.#clients[i][cluster].add(name);
      });
    });
    this.#likelihoods.set(likelihoods);
    this.#weight = weight;
    this.#sessions = sessions;
  }
}

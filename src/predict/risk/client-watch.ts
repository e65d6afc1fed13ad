import { RecentMap } from '../../core/recent-map.js';
import { AXES, AXIS_COUNT, axisOf } from './axes.js';
import { type RiskScale, riskOf, suspicionOf, usualOf } from './risk-scale.js';

/** Clients and prefixes that are watched at once; those that did nothing for longest are forgotten. */
const MOST = 50_000;

/** Fewer of an event than this are nobody's fault: many people share a prefix, and some mistype. */
const LEAST = 6;

/** s, as of the session's own counts. */
const HALF_LIFE = 30;

/** What a client did that no session of its own shows: the sessions were refused, or were over at once. */
const WATCHED = ['refused', 'authFailures'] as const satisfies readonly (typeof AXES)[number]['name'][];
export type ClientEvent = (typeof WATCHED)[number];

interface Watched {
  at: number;
  counts: Float32Array;
}

/**
 * Opens that failed, by client or address prefix, whatever session they belonged to: credential stuffing and scans are
 * many short attempts, each of which is nothing. Sans-IO: times go in, s.
 */
export class ClientWatch {
  readonly #clients = new RecentMap<string, Watched>(MOST);
  readonly #values = new Float32Array(AXIS_COUNT);
  readonly #usual: Float32Array;

  constructor(readonly scale: RiskScale) {
    this.#usual = usualOf(scale);
  }

  /** Clients that are watched. */
  get size(): number {
    return this.#clients.size;
  }

  note(client: string, event: ClientEvent, now: number, times = 1): void {
    const watched = this.#clients.get(client) ?? { at: now, counts: new Float32Array(WATCHED.length) };
    fade(watched, now);
    watched.counts[WATCHED.indexOf(event)] += times;
    this.#clients.set(client, watched);
  }

  /** Risk of a client by what it did, 0..1; 0 of one that did nothing. */
  risk(client: string, now: number): number {
    const watched = this.#clients.get(client);
    if (watched === undefined) return 0;
    fade(watched, now);
    this.#values.fill(0);
    WATCHED.forEach((name, i) => {
      if (watched.counts[i] >= LEAST) this.#values[axisOf(name)] = Math.log1p(watched.counts[i]);
    });
    return riskOf(this.scale, suspicionOf(this.scale, this.#usual, this.#values));
  }

  /** What a client did most, for people: null where it did nothing that counts. */
  reason(client: string, now: number): string | null {
    const watched = this.#clients.get(client);
    if (watched === undefined) return null;
    fade(watched, now);
    const most = WATCHED.reduce((a, _, i) => (watched.counts[i] > watched.counts[a] ? i : a), 0);
    const count = watched.counts[most];
    return count < 0.5 ? null : `${AXES[axisOf(WATCHED[most])].words}: ${Math.round(count)}`;
  }
}

function fade(watched: Watched, now: number): void {
  const factor = 2 ** (-Math.max(0, now - watched.at) / HALF_LIFE);
  watched.at = now;
  for (let i = 0; i < watched.counts.length; i++) watched.counts[i] *= factor;
}

import { RecentMap } from '../../core/recent-map.js';

/** What is known of a client that nobody knows. */
export interface OpeningHints {
  /** Hour of the day, 0 to 23, UTC. */
  hour: number;
  /** Pseudonym of the address prefix. */
  prefix: string;
  /** What the client says of itself: kind of program and device. */
  hints: string;
}

interface Group {
  count: number;
  sum: number;
}

/** Sessions that the mean of all counts beside those of a group. */
const SHRINK = 10;
/** Prefixes and kinds of client that are kept. */
const MOST = 20_000;

/**
 * What a client that is new is expected to bring, log1p(bytes), by what it comes with: hour, address prefix, kind of client.
 * Each group's mean m_g is shrunk to that of all, m (empirical Bayes with the same prior for each kind of group):
 *
 *     s_g = (sum_g + k m) / (n_g + k),     expected = m + sum_g w_g (s_g - m),   w_g = v_g / sum v
 *
 * where v is how much of the squared error each kind of group has taken away so far, so that what tells nothing counts
 * nothing, and kinds that tell the same are not counted twice.
 */
export class OpeningPrior {
  readonly #kinds = (['hour', 'prefix', 'hints'] as const).map((name) => ({
    name,
    groups: new RecentMap<string, Group>(MOST),
    /** Squared error that it takes away a session, exponentially weighted. */
    gain: 0,
  }));

  #shrunk(groups: Map<string, Group>, key: string, mean: number): number {
    const { count, sum } = groups.get(key) ?? { count: 0, sum: 0 };
    return (sum + SHRINK * mean) / (count + SHRINK);
  }

  /** @param mean of all clients' visits. */
  expect(hints: OpeningHints, mean: number): number {
    let total = 0;
    let away = 0;
    for (const { name, groups, gain } of this.#kinds) {
      if (gain <= 0) continue;
      total += gain;
      away += gain * (this.#shrunk(groups, String(hints[name]), mean) - mean);
    }
    return total === 0 ? mean : mean + away / total;
  }

  learn(hints: OpeningHints, mean: number, brought: number): void {
    for (const kind of this.#kinds) {
      const key = String(hints[kind.name]);
      if (key === '') continue;
      const told = this.#shrunk(kind.groups, key, mean);
      kind.gain += 0.01 * ((brought - mean) ** 2 - (brought - told) ** 2 - kind.gain);
      const group = kind.groups.get(key) ?? { count: 0, sum: 0 };
      group.count++;
      group.sum += brought;
      kind.groups.set(key, group);
    }
  }

  /** To be kept; see {@link restore}. */
  get state(): object {
    return this.#kinds;
  }

  restore(state: object): void {
    if (!Array.isArray(state) || state.length !== this.#kinds.length) return;
    this.#kinds.forEach((kind, i) => {
      kind.gain = state[i].gain;
      for (const [key, { count, sum }] of state[i].groups as Map<string, Group>) kind.groups.set(key, { count, sum });
    });
  }
}

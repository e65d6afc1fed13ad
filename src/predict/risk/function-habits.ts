import { RecentMap } from '../../core/recent-map.js';
import { axisOf } from './axes.js';
import { type RiskScale, usualOf } from './risk-scale.js';

/** A chance of regular sessions from which on regularity is nobody's fault. */
export const USUALLY_REGULAR = 0.05;

/** Functions that are remembered. */
const MOST = 5_000;

/** What a session fades by with each that follows. */
const KEEP = 0.99;

/** What a suspect session counts: what is abused must not soon become what is usual. */
const SUSPECT_WEIGHT = 0.1;

/** Sessions of a function from which on its volumes are its own. */
const KNOWN = 5;

/** What volumes are allowed above what is usual anywhere, until a function is known: farther than ordinary ones go (5 is rare). */
const UNKNOWN_EXCESS = 8;

/** Deviations above the mean of what sessions had at most up to which a volume is usual. */
const DEVIATIONS = 2;

/** A logarithm by which a suspect session may differ where all have been alike. */
const LEAST_STEP = 0.1;

/** From this logarithm on pauses are regular: they vary by less than one in 20. */
const REGULAR = 3;

const CLOCKWORK = axisOf('clockwork');

/** Axes of volume: what is much for one function is little for another. */
export const VOLUMES = [axisOf('upload'), axisOf('packets')];

/** What is known of a function: it changes as its sessions end. */
export interface FunctionHabit {
  /** Chance that a session is regular, by the rule of succession: 1/2 of a function that nobody knows. */
  readonly regularity: number;
  /** What is usual, by axis. */
  readonly usual: Float32Array;
}

interface Habit extends FunctionHabit {
  sessions: number;
  regular: number;
  regularity: number;
  /** Of each of `VOLUMES`. */
  means: number[];
  variances: number[];
}

/**
 * What the sessions of each function usually do: whether they are regular as a clock (keep-alives and sensors are,
 * chats are not), and how much they send. What is usual for a function raises no suspicion; of one that nobody knows yet
 * regularity is passed over, and its volumes are unusual only beyond the most extreme of ordinary sessions.
 */
export class FunctionHabits {
  readonly #functions = new RecentMap<string, Habit>(MOST);
  readonly #usual: Float32Array;
  /** Of a function that nobody knows yet. */
  readonly #unknown: Float32Array;

  constructor(scale: RiskScale) {
    this.#usual = usualOf(scale);
    this.#unknown = this.#usual.slice();
    for (const axis of VOLUMES) this.#unknown[axis] += UNKNOWN_EXCESS * scale.axes[axis].scale;
  }

  /** What is known of a function: for who asks for it again and again. */
  of(functionId: string): Habit {
    let known = this.#functions.get(functionId);
    if (known === undefined) {
      known = this.#fresh();
      this.#functions.set(functionId, known);
    }
    return known;
  }

  /** Chance that a session of the function is regular: see {@link FunctionHabit}. */
  regularity(functionId: string): number {
    return this.of(functionId).regularity;
  }

  /** What values of each axis stay below, of sessions of the function. */
  usualOf(functionId: string): Float32Array {
    return this.of(functionId).usual;
  }

  /** A session ended, or has lasted for a while: `most` is what its axes had at most. One that is suspect counts little. */
  note(functionId: string, most: Float32Array, at = 0, isSuspect = false): void {
    const known = this.of(functionId);
    const weight = isSuspect ? SUSPECT_WEIGHT : 1;
    const keep = 1 - (1 - KEEP) * weight;
    known.sessions = known.sessions * keep + weight;
    known.regular = known.regular * keep + (most[at + CLOCKWORK] > REGULAR ? weight : 0);
    known.regularity = (known.regular + 1) / (known.sessions + 2);
    const share = weight / known.sessions;
    VOLUMES.forEach((axis, i) => {
      const far = DEVIATIONS * Math.sqrt(known.variances[i]) + LEAST_STEP;
      const distance = most[at + axis] - known.means[i];
      // A suspect session moves the mean as far as an ordinary one could.
      const error = isSuspect && known.sessions > KNOWN ? Math.max(-far, Math.min(far, distance)) : distance;
      known.means[i] += share * error;
      known.variances[i] = (1 - share) * (known.variances[i] + share * error * error);
      if (known.sessions < KNOWN) return;
      known.usual[axis] = Math.max(this.#usual[axis], known.means[i] + DEVIATIONS * Math.sqrt(known.variances[i]));
    });
    this.#functions.set(functionId, known);
  }

  #fresh(): Habit {
    const none = () => VOLUMES.map(() => 0);
    return {
      sessions: 0,
      regular: 0,
      regularity: 1 / 2,
      means: none(),
      variances: none(),
      usual: this.#unknown.slice(),
    };
  }
}

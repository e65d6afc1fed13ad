/** A chance of regular sessions from which on regularity is nobody's fault. */
export const USUALLY_REGULAR = 0.05;

/** Functions that are remembered. */
const MOST = 5_000;

/** What a session fades by with each that follows. */
const KEEP = 0.99;

/** From this logarithm on pauses are regular: they vary by less than one in 20. */
const REGULAR = 3;

/**
 * Whether sessions of a function are usually regular as a clock: keep-alives and sensors are, chats are not. What is
 * regular where it is usual raises no suspicion, nor where nobody knows yet.
 */
export class FunctionHabits {
  readonly #functions = new Map<string, { sessions: number; regular: number }>();

  /** Chance that a session of the function is regular, by the rule of succession: 1/2 of one that nobody knows. */
  regularity(functionId: string): number {
    const { sessions, regular } = this.#functions.get(functionId) ?? { sessions: 0, regular: 0 };
    return (regular + 1) / (sessions + 2);
  }

  /** A session ended: the largest regularity that it had. */
  note(functionId: string, clockwork: number): void {
    const known = this.#functions.get(functionId) ?? { sessions: 0, regular: 0 };
    known.sessions = known.sessions * KEEP + 1;
    known.regular = known.regular * KEEP + (clockwork > REGULAR ? 1 : 0);
    this.#functions.delete(functionId);
    this.#functions.set(functionId, known);
    if (this.#functions.size <= MOST) return;
    const [oldest] = this.#functions.keys();
    this.#functions.delete(oldest);
  }
}

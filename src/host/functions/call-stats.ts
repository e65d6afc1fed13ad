/** What an endpoint is called for. */
export const CALL_KINDS = ['open', 'data', 'close'] as const;
export type CallKind = (typeof CALL_KINDS)[number];

/** Bounds of the classes that calls are counted in by the time they took, s; one more is for what took longer. */
export const CALL_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;

/** Calls of a function's endpoints, and how they ended; those for data by the time they took too. */
export interface CallCounts {
  done: Record<CallKind, number>;
  failed: Record<CallKind, number>;
  /** For data: in each class, and all together, s. */
  classes: number[];
  seconds: number;
}

export function noCalls(): CallCounts {
  return {
    done: { open: 0, data: 0, close: 0 },
    failed: { open: 0, data: 0, close: 0 },
    classes: new Array<number>(CALL_SECONDS.length + 1).fill(0),
    seconds: 0,
  };
}

/** Counts the calls of a function in its shard. */
export class CallStats {
  #counts = noCalls();
  #isEmpty = true;

  ended(kind: CallKind, ms: number, isDone: boolean): void {
    const counts = this.#counts;
    this.#isEmpty = false;
    (isDone ? counts.done : counts.failed)[kind]++;
    if (kind !== 'data') return;
    const seconds = ms / 1000;
    counts.seconds += seconds;
    let at = 0;
    while (at < CALL_SECONDS.length && seconds > CALL_SECONDS[at]) at++;
    counts.classes[at]++;
  }

  /** Those since it was asked last; null: none. */
  take(): CallCounts | null {
    if (this.#isEmpty) return null;
    const taken = this.#counts;
    this.#counts = noCalls();
    this.#isEmpty = true;
    return taken;
  }
}

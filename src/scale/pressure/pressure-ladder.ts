/** What is done about pressure, mildest first; each step includes those before it. */
export const PRESSURE_STEPS = ['calm', 'signal', 'shrink', 'refuse', 'drop'] as const;
export type PressureStep = (typeof PRESSURE_STEPS)[number];

/** How full a host is. 1 is all that it can carry. */
export interface PressureReading {
  /** Now; null where its capacity is not known. */
  fullness: number | null;
  /** In a minute or five, not exceeded nine times in ten; null where nothing is forecast. */
  soon: number | null;
  /** Of the memory that there is for unread data, the share that is taken. */
  memory: number;
  /** How late its threads do what they are to do, ms: what no estimate of a capacity can hide. */
  lagMs: number;
  /** Share of clients' packets that is lost because it does not keep up with them: neither can anything hide this. */
  lost: number;
}

/** Fullness at which each step is taken; null: never. */
export interface PressurePolicy {
  signalAt: number;
  shrinkAt: number | null;
  refuseAt: number | null;
  dropAt: number | null;
}

/** Lateness that is as good as the fullness of the step. */
const REFUSE_LAG_MS = 250;
const DROP_LAG_MS = 1000;
/** Loss that is as good as the fullness of the step. */
const REFUSE_LOST = 0.02;
const DROP_LOST = 0.05;
/** Share of the memory for unread data that is as good as the fullness of the step. */
const REFUSE_MEMORY = 0.9;
/** Limits that are to shrink are announced so long before. */
export const ANNOUNCED_MS = 10_000;
/** And are not announced again within so long where they did not. */
const ANNOUNCED_FOR_MS = 30_000;
/** A step is taken back when it has been uncalled for so long, at this share of its fullness. */
const CALM_MS = 5000;
const CALM_SHARE = 0.9;

/** What a look at the pressure came to. */
export interface PressureLook {
  step: PressureStep;
  /** Limits shrink when `ANNOUNCED_MS` are over: clients are to be told now. */
  announces: boolean;
}

/**
 * Decides what is done about pressure. Up: signals first; limits shrink when that has been announced for ten seconds (at once
 * where there is no time for it), new sessions are refused, then the least important dropped; a step a look. Down: a step at a
 * time, in reverse, each when it has been uncalled for five seconds. Times go in, ms. Sans-IO.
 */
export class PressureLadder {
  #at = 0;
  #announcedAt: number | null = null;
  #calmSince: number | null = null;
  /** How often each step was reached from the one below. */
  readonly reached: Record<PressureStep, number> = { calm: 0, signal: 0, shrink: 0, refuse: 0, drop: 0 };

  constructor(readonly policy: PressurePolicy) {}

  get step(): PressureStep {
    return PRESSURE_STEPS[this.#at];
  }

  look(reading: PressureReading, now: number): PressureLook {
    const wanted = this.#wanted(reading, 1);
    if (wanted > this.#at) {
      this.#calmSince = null;
      const announces = this.#up(wanted, now);
      return { step: this.step, announces };
    }
    if (this.#wanted(reading, CALM_SHARE) >= this.#at) this.#calmSince = null;
    else {
      this.#calmSince ??= now;
      if (now - this.#calmSince >= CALM_MS) {
        this.#at--;
        this.#calmSince = now;
      }
    }
    if (this.#announcedAt !== null && now - this.#announcedAt > ANNOUNCED_FOR_MS) this.#announcedAt = null;
    return { step: this.step, announces: false };
  }

  /** Takes the next step towards `wanted`, or announces it. Returns whether it is to be announced. */
  #up(wanted: number, now: number): boolean {
    const next = this.#at + 1;
    if (PRESSURE_STEPS[next] === 'shrink' && wanted === next) {
      if (this.#announcedAt === null) {
        this.#announcedAt = now;
        return true;
      }
      if (now - this.#announcedAt < ANNOUNCED_MS) return false;
    }
    this.#at = next;
    this.reached[this.step]++;
    this.#announcedAt = null;
    return false;
  }

  /** The highest step that a reading calls for, where thresholds count for `share`. */
  #wanted({ fullness, soon, memory, lagMs, lost }: PressureReading, share: number): number {
    const { signalAt, shrinkAt, refuseAt, dropAt } = this.policy;
    const now = fullness ?? 0;
    const most = Math.max(now, soon ?? 0);
    if (dropAt !== null && (now >= dropAt * share || lagMs >= DROP_LAG_MS * share || lost >= DROP_LOST * share)) {
      return 4;
    }
    if (
      refuseAt !== null &&
      (now >= refuseAt * share ||
        memory >= REFUSE_MEMORY * share ||
        lagMs >= REFUSE_LAG_MS * share ||
        lost >= REFUSE_LOST * share)
    ) {
      return 3;
    }
    if (shrinkAt !== null && most >= shrinkAt * share) return 2;
    return most >= signalAt * share ? 1 : 0;
  }
}

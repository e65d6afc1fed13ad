import { ERROR_SCENARIOS } from '../../profile/behavioral-profile.js';

/** What is known when a session opens. */
export interface SessionContext {
  functionId: string;
  /** Of the host's clock: milliseconds since the epoch. */
  openedAt: number;
  /** Sessions of this client before, and the log1p(bytes/s) expected of it for that. */
  visits: number;
  expectedLogRate: number;
  /** Chance of each error scenario, from what its client and all others met with. */
  errors: readonly number[];
}

/** Functions are told apart by a hash of their names into so many columns. */
const FUNCTION_COLUMNS = 8;
const CLOCK_COLUMNS = 4;
const HISTORY_COLUMNS = 2;
const DAY_MS = 86_400_000;

/** Chance of an error scenario of a client that nobody knows. */
export const ERROR_PRIOR = 0.02;

export const CONTEXT_COLUMNS = 1 + CLOCK_COLUMNS + HISTORY_COLUMNS + ERROR_SCENARIOS.length + FUNCTION_COLUMNS;
/** Place of the first scenario among the columns. */
export const CONTEXT_ERRORS = 1 + CLOCK_COLUMNS + HISTORY_COLUMNS;

export function logit(chance: number): number {
  const bounded = Math.min(Math.max(chance, 1e-6), 1 - 1e-6);
  return Math.log(bounded / (1 - bounded));
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/**
 * Writes the columns at `at`: 1 (known); sine and cosine of the hour and of the day of the week; log1p of visits, expected
 * log rate; by how much the logit of each scenario's chance is above that of a client nobody knows; the function, one of
 * eight. All 0 where nothing is known, as in recorded packets.
 */
export function writeContext(into: Float32Array, at: number, context: SessionContext | null): void {
  into.fill(0, at, at + CONTEXT_COLUMNS);
  if (context === null) return;
  const day = (2 * Math.PI * (context.openedAt % DAY_MS)) / DAY_MS;
  const week = (2 * Math.PI * (context.openedAt % (7 * DAY_MS))) / (7 * DAY_MS);
  into[at] = 1;
  into[at + 1] = Math.sin(day);
  into[at + 2] = Math.cos(day);
  into[at + 3] = Math.sin(week);
  into[at + 4] = Math.cos(week);
  into[at + 5] = Math.log1p(context.visits);
  into[at + 6] = context.expectedLogRate;
  for (let i = 0; i < ERROR_SCENARIOS.length; i++) {
    into[at + CONTEXT_ERRORS + i] = logit(context.errors[i]) - logit(ERROR_PRIOR);
  }
  into[at + CONTEXT_COLUMNS - FUNCTION_COLUMNS + (hash(context.functionId) % FUNCTION_COLUMNS)] = 1;
}

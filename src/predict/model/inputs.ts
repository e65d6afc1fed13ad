import { CONTEXT_COLUMNS } from './context.js';
import { OpeningColumns } from './opening.js';
import { TickHistory } from './tick-history.js';

/**
 * Columns of an input row beside the core's features: what its first packets look like, what the session did tick by tick,
 * what was known at its open.
 */
export const SESSION_COLUMNS = OpeningColumns.columns + TickHistory.columns + CONTEXT_COLUMNS;
/** Where they begin among them. */
export const SESSION_TICKS = OpeningColumns.columns;
export const SESSION_CONTEXT = OpeningColumns.columns + TickHistory.columns;

/** Places in an input row of so many columns in all. */
export function inputPlaces(features: number): { core: number; ticks: number; context: number } {
  const core = features - SESSION_COLUMNS;
  return { core, ticks: core + SESSION_TICKS, context: core + SESSION_CONTEXT };
}

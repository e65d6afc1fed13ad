import { CONTEXT_COLUMNS } from './context.js';
import { TickHistory } from './tick-history.js';

/** Columns of an input row beside the core's features: what a session did tick by tick, then what was known at its open. */
export const SESSION_COLUMNS = TickHistory.columns + CONTEXT_COLUMNS;

/** Places in an input row of so many columns in all. */
export function inputPlaces(features: number): { core: number; ticks: number; context: number } {
  const core = features - SESSION_COLUMNS;
  return { core, ticks: core, context: core + TickHistory.columns };
}

import type { FlowRows } from '../training/flow-rows.js';

/**
 * Parts flows for cross-validation, by capture: flows of one capture are of the same clients and never stand on both
 * sides. The largest captures are dealt first, each to the fold with the fewest steps so far.
 */
export function foldsByCapture(rows: readonly FlowRows[], count: number): number[] {
  const sizes = new Map<string, number>();
  for (const { flow, steps } of rows) sizes.set(flow.capture, (sizes.get(flow.capture) ?? 0) + steps.length + 1);
  const loads = new Array<number>(count).fill(0);
  const foldOf = new Map<string, number>();
  for (const [capture, size] of [...sizes].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))) {
    const fold = loads.indexOf(Math.min(...loads));
    foldOf.set(capture, fold);
    loads[fold] += size;
  }
  return rows.map(({ flow }) => foldOf.get(flow.capture) as number);
}

import { DEFAULT_POSTURE } from '../../adapt/security-posture.js';
import type { SessionRisks } from '../../predict/risk/session-risks.js';
import type { SessionRows } from '../../predict/serving/session-rows.js';

/** What is told of a session's risk. */
export interface SessionRiskReport {
  handle: number;
  risk: number;
  reasons: string[];
}

/** A risk that has moved by less is not told again. */
const STEP = 0.1;

/** Which sessions' risks have changed so much that their shard is told. */
export class RiskAlarms {
  /** Risks that were told and are not nothing, by handle. */
  readonly #told = new Map<number, number>();

  /** Whether a session was told to be risky. */
  isSuspect(handle: number): boolean {
    return (this.#told.get(handle) ?? 0) >= DEFAULT_POSTURE.caution;
  }

  closed(handle: number): void {
    this.#told.delete(handle);
  }

  /** Sessions whose risk is to be told, as of this tick. */
  look(rows: SessionRows, risks: SessionRisks): SessionRiskReport[] {
    const changed: SessionRiskReport[] = [];
    for (let row = 0; row < rows.rows; row++) {
      const handle = rows.handles[row];
      const place = rows.placeOf(row);
      const risk = risks.riskAt(place);
      const told = this.#told.get(handle) ?? 0;
      const isOver = risk < STEP && told !== 0;
      if (Math.abs(risk - told) < STEP && !isOver) continue;
      if (isOver) this.#told.delete(handle);
      else this.#told.set(handle, risk);
      changed.push({ handle, risk, reasons: risks.reasonsAt(place) });
    }
    return changed;
  }
}

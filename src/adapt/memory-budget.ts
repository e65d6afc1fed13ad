/** A session that asks for buffer. */
export interface BudgetClaim {
  /** Bytes it would be given. */
  wanted: number;
  /** Bytes it keeps whatever happens. */
  least: number;
  /** Chance that it will use it, 0 to 1. */
  need: number;
}

/**
 * Shares a budget of bytes: everybody gets what it wants as long as that fits. Where it does not, those least likely to need
 * theirs go down to what they keep, one after the other; the one at the edge gets what is left. Where not even the least
 * fits, all have it: the budget bounds what is beyond.
 *
 * @returns bytes, in the order of the claims.
 */
export function shareBudget(claims: readonly BudgetClaim[], budget: number): number[] {
  const granted = claims.map(({ wanted }) => wanted);
  let over = granted.reduce((sum, bytes) => sum + bytes, 0) - budget;
  if (over <= 0) return granted;
  const order = claims.map((_, i) => i).sort((a, b) => claims[a].need - claims[b].need);
  for (const i of order) {
    const { wanted, least } = claims[i];
    const gives = Math.min(over, Math.max(0, wanted - least));
    granted[i] = wanted - gives;
    over -= gives;
    if (over <= 0) break;
  }
  return granted;
}

/** Of the budget, what unread data comes down to where it was over. */
const EASED = 0.8;

/**
 * What each shard may go on holding where all of them hold more than the budget, bytes: each gives the same share, and a fifth of the
 * budget is free afterwards. Null where the budget lasts.
 */
export function easedShares(held: readonly number[], budget: number): number[] | null {
  const total = held.reduce((sum, bytes) => sum + bytes, 0);
  if (total <= budget) return null;
  return held.map((bytes) => (bytes / total) * budget * EASED);
}

/** What one new session may have of a budget of which `used` is taken. */
export function budgetFor(wanted: number, least: number, used: number, budget: number): number {
  return Math.max(least, Math.min(wanted, budget - used));
}

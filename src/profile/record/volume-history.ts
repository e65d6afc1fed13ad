import type { HistoryEntry } from '../behavioral-profile.js';

/** Shorter stretches are joined, so that the history reaches back further than its length in ticks. */
const STRETCH = 5;

/** Joins `b`, which follows, into `a`. */
function join(a: HistoryEntry, b: HistoryEntry): void {
  a.timestamp = Math.max(a.timestamp, b.timestamp);
  a.bytesIn += b.bytesIn;
  a.bytesOut += b.bytesOut;
  a.seconds += b.seconds;
}

/** Of two neighbours those that are joined first: short for their age. */
function thinnest(entries: readonly HistoryEntry[], now: number): number {
  let [least, at] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i + 1 < entries.length; i++) {
    const age = Math.max(1, now - entries[i + 1].timestamp);
    const detail = (entries[i].seconds + entries[i + 1].seconds) / age;
    if (detail < least) [least, at] = [detail, i];
  }
  return at;
}

/**
 * Adds a stretch to a history of at most `most` entries, oldest first. Where it is full the two neighbours are joined that
 * are shortest for their age, so that what is long past is kept coarsely and what is recent in detail, and the sums stay.
 */
export function addToHistory(entries: HistoryEntry[], entry: HistoryEntry, most: number): void {
  const last = entries.at(-1);
  if (last !== undefined && last.seconds < STRETCH && entry.timestamp - last.timestamp < 2 * STRETCH * 1000) {
    join(last, entry);
    return;
  }
  entries.push({ ...entry });
  if (entries.length <= most) return;
  const at = thinnest(entries, entry.timestamp);
  join(entries[at], entries[at + 1]);
  entries.splice(at + 1, 1);
}

/** The histories of one client on two hosts as one. */
export function mergeHistories(a: readonly HistoryEntry[], b: readonly HistoryEntry[], most: number): HistoryEntry[] {
  const merged: HistoryEntry[] = [];
  for (const entry of [...a, ...b].sort((x, y) => x.timestamp - y.timestamp)) {
    merged.push({ ...entry });
    if (merged.length <= most) continue;
    const at = thinnest(merged, entry.timestamp);
    join(merged[at], merged[at + 1]);
    merged.splice(at + 1, 1);
  }
  return merged;
}

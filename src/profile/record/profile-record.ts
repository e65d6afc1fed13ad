import { type PredictionMemory, REQUEST_TYPES } from '../behavioral-profile.js';
import { ErrorHistory } from '../error-history.js';
import { ClientVisits } from '../visits/visit-history.js';
import { VolumeHistory } from './volume-history.js';

/** Entries of `history`. */
export const MOST_HISTORY = 60;

/**
 * All that is kept of a client. The first part are counts and sums: where several hosts know a client they are kept for
 * each and added on reading. The second is what the last writer says.
 */
export class ProfileRecord {
  /** Exponentially weighted bytes and seconds; their quotient is the average rate. */
  bytes = 0;
  seconds = 0;
  sessions = 0;
  readonly errors = new ErrorHistory();
  visits = new ClientVisits();
  /** Sessions by request type, as the model told it at their end. */
  readonly types = new Float64Array(REQUEST_TYPES.length);
  history = new VolumeHistory();

  /** ms since the epoch. */
  firstSeen = 0;
  lastSeen = 0;
  memory: PredictionMemory | null = null;

  /** A record with the counts of both; the second part is that of the later. */
  static merged(a: ProfileRecord, b: ProfileRecord): ProfileRecord {
    const merged = new ProfileRecord();
    for (const one of [a, b]) {
      merged.bytes += one.bytes;
      merged.seconds += one.seconds;
      merged.sessions += one.sessions;
      merged.errors.merge(one.errors);
      for (let i = 0; i < merged.types.length; i++) merged.types[i] += one.types[i];
      addVisits(merged.visits, one.visits);
    }
    const later = b.lastSeen > a.lastSeen ? b : a;
    const { recent, longer, last, emptyLately } = later.visits;
    Object.assign(merged.visits, { recent, longer, last, emptyLately });
    merged.history = VolumeHistory.merged(a.history, b.history, MOST_HISTORY);
    merged.firstSeen = Math.min(...[a.firstSeen, b.firstSeen].filter((ms) => ms > 0), Number.POSITIVE_INFINITY);
    if (merged.firstSeen === Number.POSITIVE_INFINITY) merged.firstSeen = 0;
    merged.lastSeen = later.lastSeen;
    merged.memory = later.memory ?? (later === a ? b : a).memory;
    return merged;
  }
}

function addVisits(into: ClientVisits, from: ClientVisits): void {
  into.count += from.count;
  into.empty += from.empty;
  into.sum += from.sum;
  into.squares += from.squares;
  into.away += from.away;
  into.rateAway += from.rateAway;
  into.rateSum += from.rateSum;
  into.aroundAt = Math.max(into.aroundAt, from.aroundAt);
  into.messages += from.messages;
  into.lastMessage = Math.max(into.lastMessage, from.lastMessage);
  for (const { key, sum, count } of from.hours) into.hours.add(key, sum, count);
  for (const { key, sum, count } of from.functions) into.functions.add(key, sum, count);
}

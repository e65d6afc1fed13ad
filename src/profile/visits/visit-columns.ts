import type { Activity } from './activity.js';
import type { Begun } from './brought.js';
import { hourOfWeek, isSameStretch } from './habits.js';
import type { AllVisits, ClientVisits } from './visit-history.js';

/** Visits that the mean of all counts beside a client's own, and its own mean beside that of an hour or a function. */
const PRIOR_VISITS = 2;
const PRIOR_HOURS = 3;
const DAY = 86_400;
/** Seconds since the last visit, of one who never came. */
const NEVER = 1e7;
/** About the logarithm of a gap between two visits. */
const USUAL_GAP = 9.3;

export const VISIT_COLUMNS = 38;

/** A client's own mean of log1p(bytes), shrunk to what is expected of one who is not known. */
function ownMean(visits: ClientVisits, prior: number): number {
  return (visits.sum + PRIOR_VISITS * prior) / (visits.filled + PRIOR_VISITS);
}

/**
 * The columns that a visit's beginning is told by: means of the client and of all (differences from the mean of all, in
 * logarithms), hour and day, time since it was there, what the function brings, how busy it is around it. All are of the
 * order of 1.
 */
export function visitColumns(
  visits: ClientVisits,
  all: AllVisits,
  activity: Activity,
  { seconds, functionKeys, prior }: Begun,
): Float64Array {
  const { mean } = all;
  const { count, filled } = visits;
  const own = ownMean(visits, prior.bytes);
  const hour = hourOfWeek(seconds);
  const atHour = visits.hours.mean((key) => isSameStretch(key, hour), own, PRIOR_HOURS);
  const ofFunction = all.functions.mean(functionKeys, { bytes: mean, rate: 0 }).bytes;
  const here = visits.functions.mean((key) => key === functionKeys[0], own + ofFunction - mean, PRIOR_HOURS);
  const gap = Math.log(Math.min(Math.max(1, seconds - visits.lastMessage), NEVER)) - USUAL_GAP;
  const deviation = filled === 0 ? 1 : Math.sqrt(Math.max(0, visits.squares / filled - (visits.sum / filled) ** 2));
  const [day, week] = [(2 * Math.PI * seconds) / DAY, Math.floor(seconds / DAY + 4) % 7];
  const { others, lastMinute, silence } = activity.around(visits);
  const messages = activity.messages.map(Math.log1p);
  const quiet = Math.log1p(silence) - 2.6;
  const crowd = Math.log1p(others) - 0.7;
  const away = own - mean;
  const seen = filled > 0;
  const columns = new Float64Array(VISIT_COLUMNS);
  let at = 0;
  const put = (value: number): void => {
    columns[at++] = value;
  };
  put(1);
  put((all.recent - mean) * 4);
  put(away * 2);
  put(mean - 3);
  put(seen ? (visits.recent - mean) * 1.5 : 0);
  put(seen ? (visits.longer - mean) * 1.8 : 0);
  put(seen ? visits.last - mean : 0);
  put((Math.log1p(count) - 5) * 0.6);
  put(3 / (count + 1));
  put((atHour - mean) * 2);
  put(gap * 0.6);
  put(gap ** 2 / 8);
  put((deviation - 0.9) * 3);
  put(Math.sin(day) * 1.4);
  put(Math.cos(day) * 1.4);
  put(Math.sin(2 * day) * 1.4);
  put(Math.cos(2 * day) * 1.4);
  put(week < 5 ? 0 : 2);
  put(messages[0] * 2.5);
  put(messages[1] - 0.6);
  put(messages[2] - 1.7);
  put(messages[3] - 2.9);
  for (let i = 0; i < activity.bytes.length; i++) put(Math.log1p(activity.bytes[i]) / 2 - i * 0.6 - 0.6);
  put(crowd * 1.6);
  put(quiet * 1.3);
  put(Math.log1p(lastMinute) * 2.4);
  put(gap < -1.8 ? 2 : 0);
  put(gap < -0.4 ? 1 : -1);
  put((Math.log1p(visits.messages / (count + 1)) - 1.1) * 2);
  put(messages[1] * away * 2);
  put(crowd * away * 2);
  put(quiet * away * 2);
  put(messages[0] * away * 2);
  put((ofFunction - mean) * 2);
  put((here - mean) * 2);
  return columns;
}

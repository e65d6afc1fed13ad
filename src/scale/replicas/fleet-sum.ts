/** What a host of a fleet said of its load last. */
export interface FleetMember {
  /** ms since the epoch. */
  at: number;
  sessions: number;
  bytes: number;
  /** Load of a minute that it carries, of the metric that hosts are scaled by; null: it does not know yet. */
  capacity: number | null;
}

/** What a fleet carried in a minute. */
export type FleetMinute = Pick<FleetMember, 'sessions' | 'bytes'>;

/** ms after which a host that says nothing is gone. */
const SILENT_MS = 35_000;

/** A member that claims more than so many times the median of all counts as that. */
const MOST_TIMES = 10;

/** The load of a fleet, how many hosts it has, and what one of them carries: the median of those that know. */
export interface FleetLoad {
  hosts: number;
  sessions: number;
  bytes: number;
  capacity: number | null;
}

const isLoad = (value: unknown): value is number => typeof value === 'number' && value >= 0 && Number.isFinite(value);

/** A member as it is written by its host; null where it is none. */
export function readMember(text: string): FleetMember | null {
  try {
    const { at, sessions, bytes, capacity } = JSON.parse(text) as Partial<FleetMember>;
    if (!isLoad(at) || !isLoad(sessions) || !isLoad(bytes)) return null;
    return { at, sessions, bytes, capacity: isLoad(capacity) && capacity > 0 ? capacity : null };
  } catch {
    return null;
  }
}

/** A minute as it is kept; null where it is none. */
export function readMinute(text: string): FleetMinute | null {
  const [sessions, bytes] = text.split(' ').map(Number);
  return isLoad(sessions) && isLoad(bytes) ? { sessions, bytes } : null;
}

/** Whether a member has said something of late; one whose clock is ahead counts too. */
export function isAlive({ at }: FleetMember, now: number): boolean {
  return Math.abs(now - at) < SILENT_MS;
}

/** The lower one of two; NaN of none. */
function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? Number.NaN;
}

/** A robust sum: with three members and more none counts more than ten times the median. */
function sumOf(values: readonly number[]): number {
  const median = medianOf(values);
  const most = values.length >= 3 && median > 0 ? MOST_TIMES * median : Number.POSITIVE_INFINITY;
  return values.reduce((sum, value) => sum + Math.min(value, most), 0);
}

/** Hosts whose lines are read at a time: in a larger fleet a sample stands for all, so that nobody's work grows with it. */
export const FLEET_SAMPLE = 256;

/**
 * The load of all hosts that have said something of late.
 * @param members those that were read: all of them, or a random sample
 * @param known how many there are to read
 */
export function fleetSum(members: readonly FleetMember[], now: number, known = members.length): FleetLoad {
  const alive = members.filter((member) => isAlive(member, now));
  const stands = members.length === 0 ? 1 : Math.max(1, known / members.length);
  const capacities = alive.flatMap(({ capacity }) => capacity ?? []);
  return {
    hosts: Math.round(alive.length * stands),
    sessions: sumOf(alive.map(({ sessions }) => sessions)) * stands,
    bytes: sumOf(alive.map(({ bytes }) => bytes)) * stands,
    capacity: capacities.length === 0 ? null : medianOf(capacities),
  };
}

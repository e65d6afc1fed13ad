/** What a host of a fleet said of its load last. */
export interface FleetMember {
  /** ms since the epoch. */
  at: number;
  sessions: number;
  bytes: number;
}

/** ms after which a host that says nothing is gone. */
const SILENT_MS = 35_000;

/** A member that claims more than so many times the median of all counts as that. */
const MOST_TIMES = 10;

/** The load of a fleet, and how many hosts it has. */
export interface FleetLoad {
  hosts: number;
  sessions: number;
  bytes: number;
}

const isLoad = (value: unknown): value is number => typeof value === 'number' && value >= 0 && Number.isFinite(value);

/** A member as it is written by its host; null where it is none. */
export function readMember(text: string): FleetMember | null {
  try {
    const { at, sessions, bytes } = JSON.parse(text) as Partial<FleetMember>;
    return isLoad(at) && isLoad(sessions) && isLoad(bytes) ? { at, sessions, bytes } : null;
  } catch {
    return null;
  }
}

/** Whether a member has said something of late; one whose clock is ahead counts too. */
export function isAlive({ at }: FleetMember, now: number): boolean {
  return Math.abs(now - at) < SILENT_MS;
}

/** A robust sum: with three members and more none counts more than ten times the median. */
function sumOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const median = sorted[(sorted.length - 1) >> 1];
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
  return {
    hosts: Math.round(alive.length * stands),
    sessions: sumOf(alive.map(({ sessions }) => sessions)) * stands,
    bytes: sumOf(alive.map(({ bytes }) => bytes)) * stands,
  };
}

import type { ProfileUpdate } from '../../src/profile/behavioral-profiler.js';
import { MOST_HISTORY, ProfileRecord } from '../../src/profile/record/profile-record.js';

/** As long as a pseudonym. */
export function clientName(i: number): string {
  return `client-${String(i).padStart(15, '0')}`;
}

const STATE = 64;

/** What a session did in a tick, as the host tells profiles: objects of one shape. */
export function tickUpdate(session: string, timestamp: number, opened = false): ProfileUpdate {
  const functionId = 'echo';
  return { timestamp, bytesIn: 1200, bytesOut: 300, seconds: 1, opened, closed: false, errors: 0, session, functionId };
}

/** A record with every part at its full size. */
export function fullProfile(i: number): ProfileRecord {
  const record = new ProfileRecord();
  record.sessions = 100 + i;
  record.bytes = 1e6 + i;
  record.seconds = 40;
  record.firstSeen = 1_700_000_000_000;
  record.lastSeen = 1_799_999_000_000;
  for (let entry = 0; entry < MOST_HISTORY; entry++) {
    const timestamp = record.lastSeen - (MOST_HISTORY - entry) * 60_000;
    record.history.add(timestamp, 1000 + i, 500, 5, MOST_HISTORY);
  }
  for (let visit = 0; visit < 200; visit++) {
    record.visits.add(
      { seconds: visit * 13 * 3600, functionKeys: [visit % 12], prior: { bytes: 9, rate: 5 } },
      { bytes: 8 + (visit % 5), rate: 4 + (visit % 3) },
    );
  }
  record.memory = {
    model: 'base-0123456789abcdef',
    state: new Float32Array(STATE).fill(0.5),
    bias: 0.1,
    requestType: 'streaming',
    risk: 0.1,
  };
  return record;
}

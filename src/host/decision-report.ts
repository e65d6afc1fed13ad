import type { SecurityLevel } from '../adapt/settings.js';
import type { Decision } from './decision-record.js';

/** What settings did, or would have done, to a function's sessions. */
export interface FunctionReport {
  function: string;
  /** Whether limits held. */
  isEnforced: boolean;
  sessions: number;
  clients: number;
  /** Sessions of which packets were held back, or would have been, and those packets. */
  heldSessions: number;
  heldPackets: number;
  bytesIn: number;
  bytesOut: number;
  /** Means over the connected time: bytes/s that came, limit (bytes/s), buffer (bytes). */
  rate: number;
  rateLimit: number;
  bufferSize: number;
  /** Sessions by the highest level that they reached. */
  levels: [number, number, number, number];
}

interface Sums extends Omit<FunctionReport, 'clients'> {
  clients: Set<string>;
  seconds: number;
}

function newSums({ function: id, isEnforced }: Decision): Sums {
  return {
    ...{ function: id, isEnforced, sessions: 0, clients: new Set<string>(), heldSessions: 0, heldPackets: 0 },
    ...{ bytesIn: 0, bytesOut: 0, rate: 0, rateLimit: 0, bufferSize: 0, levels: [0, 0, 0, 0], seconds: 0 },
  };
}

/** Adds up what a record holds, by function and by whether limits held; most sessions first. */
export async function reportOf(decisions: AsyncIterable<Decision>): Promise<FunctionReport[]> {
  const groups = new Map<string, Sums>();
  for await (const decision of decisions) {
    const key = `${decision.isEnforced}/${decision.function}`;
    const sums = groups.get(key) ?? newSums(decision);
    groups.set(key, sums);
    const { client, seconds, bytesIn, bytesOut, held, rateLimit, bufferSize, level } = decision;
    sums.sessions++;
    sums.clients.add(client);
    sums.seconds += seconds;
    sums.bytesIn += bytesIn;
    sums.bytesOut += bytesOut;
    sums.heldPackets += held;
    if (held > 0) sums.heldSessions++;
    sums.rateLimit += rateLimit * seconds;
    sums.bufferSize += bufferSize * seconds;
    sums.levels[level as SecurityLevel]++;
  }
  return [...groups.values()]
    .map(({ clients, seconds, ...sums }) => {
      const time = Math.max(seconds, 1e-9);
      return {
        ...sums,
        clients: clients.size,
        rate: sums.bytesIn / time,
        rateLimit: sums.rateLimit / time,
        bufferSize: sums.bufferSize / time,
      };
    })
    .sort((a, b) => b.sessions - a.sessions);
}
